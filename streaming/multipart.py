"""MJPEG framing: frames as parts of multipart/x-mixed-replace."""

import time
from typing import TypeVar

from vision.frames import AnnotatedFrame

T = TypeVar("T")

BOUNDARY = "frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"


def stream_start(ahead: bool) -> bytes:
    """Return the bytes before the first part; ahead as in `part`."""
    return _head(time.time(), 0) if ahead else b""


def part(frame: AnnotatedFrame, ahead: bool) -> bytes:
    """Return one frame as a part of multipart/x-mixed-replace.

    Chromium paints a frame only when the next part's head arrives. With ahead, that head follows right
    behind the frame, so it has neither the next one's Content-Length nor its time: it has the time at which
    it was sent, and the number after this frame's. Without, each head has its own frame's length, time (Unix,
    s) and number.
    """
    if ahead:
        return frame.jpeg + b"\r\n" + _head(time.time(), frame.index + 1)
    captured_s = time.time() - (time.monotonic() - frame.captured_s)
    return _head(captured_s, frame.index, len(frame.jpeg)) + frame.jpeg + b"\r\n"


def browser_part(frame: AnnotatedFrame) -> bytes:
    """Return a part for browsers, with the next one's head behind it."""
    return part(frame, ahead=True)


def player_part(frame: AnnotatedFrame) -> bytes:
    """Return a part for players, whose head has its length."""
    return part(frame, ahead=False)


def _head(unix_s: float, number: int, length: int | None = None) -> bytes:
    """Return a part's head."""
    size = "" if length is None else f"Content-Length: {length}\r\n"
    return (
        f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n{size}"
        f"X-Timestamp: {unix_s:.6f}\r\nX-Sequence: {number}\r\n\r\n"
    ).encode()
