"""The messages by which Home Assistant finds a camera's sensors: https://www.home-assistant.io/integrations/mqtt/."""

from collections.abc import Iterator
from typing import Any

from settings import VERSION
from vision.emotions import EMOTIONS, UNSURE
from vision.faces import NO_FACE

EXPIRE_S = 60  # a camera that sends nothing for so long has no values
_OF_LARGEST = "{{ %s if value_json.face else None }}"  # None is "unknown" to Home Assistant


def discovery(name: str, topic: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the topic and the message of each sensor of the camera whose messages are below topic."""
    device = {
        "identifiers": [f"live-facial-emotions-{name}"],
        "name": f"Faces {name}",
        "model": "live-facial-emotions",
        "sw_version": VERSION.rpartition(" ")[2],
    }
    for sensor, config in _sensors().items():
        unique_id = f"fer_{name}_{sensor}"
        yield (
            f"homeassistant/sensor/{unique_id}/config",
            {
                "unique_id": unique_id,
                "state_topic": f"{topic}/state",
                "availability_topic": f"{topic}/availability",
                "expire_after": EXPIRE_S,
                "device": device,
                **config,
            },
        )


def _sensors() -> dict[str, dict[str, Any]]:
    """Return what differs from sensor to sensor."""
    measured = {"state_class": "measurement"}
    return {
        "count": {
            "name": "Faces",
            "icon": "mdi:account-multiple",
            "value_template": "{{ value_json.count }}",
            **measured,
        },
        "emotion": {
            "name": "Emotion",
            "icon": "mdi:emoticon-outline",
            "device_class": "enum",
            "options": [*EMOTIONS, UNSURE, NO_FACE],
            "value_template": "{{ value_json.emotion }}",
        },
        "confidence": {
            "name": "Confidence",
            "unit_of_measurement": "%",
            "value_template": _OF_LARGEST % "(value_json.confidence * 100) | round | int",
            **measured,
        },
        "valence": {"name": "Valence", "value_template": _OF_LARGEST % "value_json.valence", **measured},
        "arousal": {"name": "Arousal", "value_template": _OF_LARGEST % "value_json.arousal", **measured},
    }
