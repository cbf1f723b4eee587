"""Builds the outputs that the settings ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from outputs.base import Output
from outputs.camera_outputs import CameraOutputs
from settings import Settings, StartError
from streaming.viewable import Viewable

# Each library is imported only for its output: none is needed without.


def make_outputs(settings: Settings, camera: Viewable) -> CameraOutputs:
    """Return the camera's outputs, which are off; raises StartError."""
    outputs: list[Output] = []
    if settings.osc:
        with _needing("--osc", "python-osc"):
            from outputs.osc import OscOutput
        outputs.append(OscOutput(settings.osc, settings.name))
    if settings.mqtt:
        with _needing("--mqtt", "paho-mqtt"):
            from outputs.mqtt import MqttOutput
        outputs.append(MqttOutput(settings.mqtt, settings.name))
    if settings.lsl:
        with _needing("--lsl", "pylsl"):
            from outputs.lsl import LslOutput
        outputs.append(LslOutput(settings.lsl, settings.name))
    return CameraOutputs(camera, outputs)


@contextmanager
def _needing(flag: str, package: str) -> Iterator[None]:
    """Raise StartError where a flag's package is missing, or the library that it needs."""
    try:
        yield
    except (ImportError, OSError, RuntimeError) as error:  # pylsl raises the last without liblsl
        raise StartError(
            f"{flag} needs the package {package}: python -m pip install -r requirements-outputs.txt"
        ) from error
