"""Faces as Open Sound Control messages over UDP, for TouchDesigner, Max, Unity and sound programs."""

import errno
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from outputs.base import Moment, OutputError
from outputs.slots import Slots
from settings import HOST, StartError
from texts import shorten
from vision.circumplex import AXES, valence_arousal
from vision.emotions import EMOTIONS
from vision.tracker import Track

PROBE_S = 0.1  # in which a machine that is there says that nothing listens
Value = tuple[str, str, tuple[int | float | str, ...]]  # an address, the types of its values, and these


class OscOutput:
    """Sends each frame as a bundle about all faces, and a bundle for each face, small enough for one packet."""

    kind, period_s = "osc", 0.0

    def __init__(self, receiver: str, name: str) -> None:
        """Create an output to a receiver HOST:PORT, whose addresses begin with /name; raises StartError."""
        self._host, self._port = split_receiver(receiver)
        self.address, self._name = receiver, name
        self._socket: socket.socket | None = None
        self._slots = Slots()

    def open(self) -> None:
        """Find the receiver; raises OutputError where its machine says that nothing listens."""
        try:
            family, kind, number, _, address = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_DGRAM
            )[0]
            self._socket = socket.socket(family, kind, number)
            self._socket.settimeout(1.0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.connect(address)
            self._send([("online", "i", (1,))])
            time.sleep(PROBE_S)
            if code := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, "")
        except OSError as error:
            raise self._lost(error) from error

    def is_heard(self) -> bool:
        """Return True: nobody answers to UDP."""
        return True

    def send(self, moment: Moment) -> None:
        """Send the faces of a frame; raises OutputError."""
        slots = self._slots.place(moment.faces, moment.captured_s)
        try:
            self._send(frame_values(moment, slots))
            for number, face in enumerate(slots, 1):
                if face:
                    self._send(face_values(number, face))
        except OSError as error:
            raise self._lost(error) from error

    def marker(self, label: str, unix_s: float) -> None:
        """Send an event; raises OutputError."""
        try:
            self._send([("marker", "sd", (label, unix_s))])
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Say that nothing more comes."""
        if self._socket:
            with suppress(OSError):
                self._send([("online", "i", (0,))])
            self._socket.close()
            self._socket = None

    def _send(self, values: "Iterator[Value] | list[Value]") -> None:
        """Send a bundle to be applied at once; raises OSError."""
        assert self._socket
        bundle = OscBundleBuilder(IMMEDIATELY)
        for address, types, parts in values:
            message = OscMessageBuilder(f"/{self._name}/{address}")
            for type_, part in zip(types, parts, strict=True):
                message.add_arg(part, type_)
            bundle.add_content(message.build())
        self._socket.send(bundle.build().dgram)

    def _lost(self, error: OSError) -> OutputError:
        if error.errno == errno.ECONNREFUSED:
            return OutputError(f"Nothing listens on {self.address}.")
        return OutputError(f"{self.address} cannot be reached: {error.strerror or error}.")


def split_receiver(text: str) -> tuple[str, int]:
    """Return the host and the port of HOST:PORT; raises StartError."""
    host, _, port = text.rpartition(":")
    if not (HOST.fullmatch(text) and host and re.fullmatch("[0-9]+", port) and 0 < int(port) < 65536):
        raise StartError(f"--osc must be HOST:PORT like 127.0.0.1:9000, not {shorten(text)!r}")
    return host.strip("[]"), int(port)


def frame_values(moment: Moment, slots: list[Track | None]) -> Iterator[Value]:
    """Yield what is sent of a frame: its number and time, how many faces it has, and whose each place is."""
    yield "frame", "i", (moment.frame,)
    yield "time", "d", (moment.unix_s,)
    yield "size", "ii", moment.size_px
    yield "faces", "i", (len(moment.faces),)
    for number, face in enumerate(slots, 1):
        yield f"face/{number}/number", "i", (face.track_id if face else 0,)


def face_values(number: int, face: Track) -> Iterator[Value]:
    """Yield what is sent of the face in a place."""
    at = f"face/{number}"
    yield f"{at}/emotion", "s", (face.emotion,)
    yield f"{at}/confidence", "f", (face.confidence,)
    yield f"{at}/sure", "i", (int(face.sure),)
    for emotion, prob in zip(EMOTIONS, face.probs.tolist(), strict=True):
        yield f"{at}/{emotion}", "f", (prob,)
    for axis, value in zip(AXES, valence_arousal(face.probs).tolist(), strict=True):
        yield f"{at}/{axis}", "f", (value,)
    yield f"{at}/box", "iiii", face.box
