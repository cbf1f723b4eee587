"""Faces as MQTT messages, for Home Assistant, which finds them by itself, Node-RED and signs."""

import json
import re
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from outputs.base import Moment, OutputError
from outputs.home_assistant import discovery
from outputs.slots import area
from settings import ESCAPES, StartError, has_host, mask_address
from vision.faces import NO_FACE, face_json

PORTS = {"mqtt": 1883, "mqtts": 8883}
WILDCARD = re.compile(r"[+#\0]")
PREFIX = "faces"  # where the address has none
PERIOD_S = 0.5  # twice a second is plenty for a sign, and a home keeps every change
CONNECT_S = 3.0
ACKNOWLEDGE_S = 2.0
KEEPALIVE_S = 15  # a broker says "offline" for a program that was silent for half as long again


class MqttOutput:
    """Publishes the faces as JSON; the broker's acknowledgement tells what has arrived."""

    kind, period_s = "mqtt", PERIOD_S

    def __init__(self, url: str, name: str) -> None:
        """Create an output to mqtt://[USER:PASSWORD@]HOST[:PORT]/PREFIX; raises StartError."""
        self.address, self._name = mask_address(url), name
        parts = urlsplit(url) if has_host(url) else urlsplit("")
        prefix = unquote(parts.path).strip("/") or PREFIX
        if parts.scheme not in PORTS or not _has_port(parts) or set("?#") & set(url) or WILDCARD.search(prefix):
            raise StartError(f"--mqtt must be mqtt://[USER:PASSWORD@]HOST[:PORT]/PREFIX; {ESCAPES}")
        self._secure, self._host = parts.scheme == "mqtts", parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self.topic = f"{prefix}/{name}"
        self._client: Client | None = None
        self._answered = threading.Event()
        self._problem = ""  # why the connection does not stand

    def open(self) -> None:
        """Connect, announce the sensors and say "online"; raises OutputError."""
        # the same name each time: a broker ends the dead connection of the name before it begins the new one
        client = Client(
            CallbackAPIVersion.VERSION2, f"fer-{self._name}", True, None, MQTTv311, reconnect_on_failure=False
        )
        self._client, self._problem = client, f"{self.address} does not answer."
        self._answered.clear()
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.connect_timeout = CONNECT_S
        client.username_pw_set(self._user, self._password)
        if self._secure:
            client.tls_set()
        client.will_set(f"{self.topic}/availability", "offline", 1, True)
        try:
            client.connect(self._host, self._port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(f"{self.address} cannot be reached: {reason}.") from error
        client.loop_start()
        self._answered.wait(CONNECT_S)
        self.is_heard()
        for topic, config in discovery(self._name, self.topic):
            self._publish(topic, config, retain=True)
        self._publish(f"{self.topic}/availability", "online", retain=True)

    def is_heard(self) -> bool:
        """Return True while the connection stands; raises OutputError when it was lost."""
        if self._problem:
            raise OutputError(self._problem)
        return True

    def send(self, moment: Moment) -> None:
        """Publish the faces of a frame; raises OutputError if the broker does not acknowledge it."""
        self._publish(f"{self.topic}/state", state_json(moment))

    def marker(self, label: str, unix_s: float) -> None:
        """Publish an event; raises OutputError if the broker does not acknowledge it."""
        self._publish(f"{self.topic}/marker", {"label": label, "time": round(unix_s, 3)})

    def close(self) -> None:
        """Say "offline", if the connection stands, and disconnect."""
        client, self._client = self._client, None
        if client is None:
            return
        if not self._problem:
            with suppress(ValueError, RuntimeError):  # lost in this moment; the broker says "offline" for it
                client.publish(f"{self.topic}/availability", "offline", 1, True).wait_for_publish(ACKNOWLEDGE_S)
        client.disconnect()
        client.loop_stop()

    def _publish(self, topic: str, payload: Any, retain: bool = False) -> None:
        assert self._client
        text = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
        info = self._client.publish(topic, text, 1, retain)
        try:
            info.wait_for_publish(ACKNOWLEDGE_S)
            arrived = info.is_published()
        except (ValueError, RuntimeError):
            arrived = False
        if not arrived:
            self._problem = self._problem or f"{self.address} does not acknowledge messages."
            raise OutputError(self._problem)

    # In paho's thread.

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._problem = f"{self.address} refuses the connection: {reason}." if reason.is_failure else ""
        self._answered.set()

    def _on_disconnect(self, *_: Any) -> None:
        self._problem = self._problem or f"The connection to {self.address} was lost."
        self._answered.set()


def _has_port(parts: SplitResult) -> bool:
    """Return whether the port of an address is one, or left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def state_json(moment: Moment) -> dict[str, Any]:
    """Return the faces of a frame as JSON; the first fields are those of the largest face."""
    largest = max(moment.faces, key=area, default=None)
    first = face_json(largest) if largest else {}
    return {
        "time": round(moment.unix_s, 3),
        "frame": moment.frame,
        "count": len(moment.faces),
        "emotion": largest.label if largest else NO_FACE,
        **{name: first.get(name) for name in ("confidence", "valence", "arousal")},
        "face": first.get("track_id"),
        "faces": [face_json(face) for face in moment.faces],
    }
