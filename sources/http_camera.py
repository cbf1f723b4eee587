"""Cameras that send JPEGs over HTTP: a stream of them, or one for each request."""

import hashlib
import http.client
import math
import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing

from sources.base import NoNewImage, Pace, Source, SourceError
from sources.http import SILENCE_S, HttpClient, NoHttpError
from sources.jpegs import MAX_JPEG_BYTES, START, JpegSplitter
from vision.frames import Image
from vision.jpeg import decode_jpeg
from vision.pictures import PictureError, read_picture

PIECE_BYTES = 2_000_000  # more than one picture has: of those that wait the newest is taken
HEAD_BYTES = 512  # by which an answer is told from another
MAX_IN_A_STILL = 3  # JPEGs: phones put further views behind the first
POLLS_A_SECOND = 5.0  # of a camera of single pictures, at most
POLLS_A_PERIOD = 5  # once it is known how often the picture changes
MAX_POLL_S = 1.0
RECONNECTS_A_SECOND = 2.0  # to a camera that ends its stream and begins another
FAILING_S = 3.0  # for which single requests may fail
PART_HEADER = re.compile(rb"\s*(--|content-(type|length)\s*:)", re.IGNORECASE)
HTML_PAGE = re.compile(rb"\s*<(!doctype html|html|head|body)", re.IGNORECASE)


def open_http_camera(url: str, name: str) -> Source | None:
    """Return the source of JPEGs behind an http(s):// address; None if another reader must be tried.

    What it is, the answer's first bytes tell, and its Content-Type where they do not. Raises SourceError.
    """
    client = HttpClient(url, name)
    try:
        answer = client.get()
    except NoHttpError:
        return None
    body = Body(answer, name)
    try:
        kind = _kind(answer, body)
    except SourceError:
        body.close()
        client.close()
        raise
    if kind == "stream":
        return JpegStreamSource(client, body, name)
    body.close()
    client.close()
    if kind == "page":
        raise SourceError(
            f"{name} answers with a web page, not with a picture or a video: give the address of its stream"
        )
    return StillSource(client, name) if kind == "still" else None


class Body:
    """The body of an answer, read as it comes; close it."""

    def __init__(self, answer: http.client.HTTPResponse, name: str) -> None:
        """The name stands for the camera in errors."""
        self._answer, self._name = answer, name
        self._first = b""

    def head(self) -> bytes:
        """Return the first bytes, by which it is told from others, without taking them; raises SourceError."""
        while len(self._first) < HEAD_BYTES and (piece := self._receive()):
            self._first += piece
            if PART_HEADER.match(self._first) or START in self._first:
                break
        return self._first

    def whole(self) -> bytes:
        """Return all bytes without taking them; raises SourceError."""
        self._first += b"".join(iter(self._receive, b""))
        return self._first

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes until the end; raises SourceError after SILENCE_S without anything."""
        if self._first:
            yield self._first
        while piece := self._receive():
            yield piece

    def close(self) -> None:
        """Close the answer."""
        self._answer.close()

    def _receive(self) -> bytes:
        try:
            return self._answer.read1(PIECE_BYTES)
        except TimeoutError:
            raise SourceError(f"{self._name} has sent nothing for {SILENCE_S:g} s") from None
        except (OSError, ValueError, http.client.HTTPException):
            return b""  # a stream that breaks off has ended


def _kind(answer: http.client.HTTPResponse, body: Body) -> str:
    """Return "stream", "still", "page", or "video" for all else."""
    content_type = answer.headers.get_content_type() if "Content-Type" in answer.headers else ""
    if content_type.startswith("multipart/"):
        return "stream"
    head = body.head()
    if PART_HEADER.match(head):
        return "stream"
    if HTML_PAGE.match(head) or content_type == "text/html":
        return "page"
    if content_type.startswith("image/"):
        return "still"
    if not head.lstrip().startswith(START):
        return "video"
    if answer.length is None:
        return "stream"
    is_still = answer.length <= MAX_JPEG_BYTES and len(JpegSplitter().feed(body.whole())) <= MAX_IN_A_STILL
    return "still" if is_still else "video"  # JPEGs in a file, one after the other, are a video


class JpegStreamSource:
    """A live stream of JPEGs; where the camera ends it after some pictures, it is asked for again."""

    fps = None

    def __init__(self, client: HttpClient, body: Body, name: str) -> None:
        """Read from a body that `close` closes; the client asks for the next one."""
        self.name = name
        self.captured_s = 0.0
        self._client, self._body = client, body
        self._jpegs = self._receive()

    def read(self) -> Image:
        """Return the camera's newest image (H, W, 3) uint8 BGR; SourceError if it gives no more."""
        began_s = time.monotonic()
        for jpeg in self._jpegs:
            image = decode_jpeg(jpeg)
            if image is not None:
                return image
            if time.monotonic() - began_s > SILENCE_S:
                raise SourceError(f"{self.name} sends damaged pictures")
        raise SourceError(f"{self.name} sends no more frames")

    def close(self) -> None:
        """Close the connection."""
        self._jpegs.close()
        self._body.close()
        self._client.close()

    def _receive(self) -> Generator[bytes]:
        """Yield the newest JPEG of those that have come; ends, or raises SourceError, when none come."""
        pace = Pace(RECONNECTS_A_SECOND)
        while True:
            came = False
            for jpeg in self._cut():
                yield jpeg
                came = True
            if not came:
                return
            self._body.close()
            pace.wait()
            self._body = Body(self._client.get(), self.name)

    def _cut(self) -> Iterator[bytes]:
        """Yield the JPEGs of the present body; of several that came at once the newest."""
        splitter = JpegSplitter()
        began_s = last_s = time.monotonic()
        for piece in self._body.pieces():
            now_s, was_inside = time.monotonic(), splitter.is_inside
            jpegs = splitter.feed(piece)
            if jpegs:
                self.captured_s = began_s if was_inside and len(jpegs) == 1 else now_s
                last_s = now_s
                yield jpegs[-1]
            elif now_s - last_s > SILENCE_S:
                raise SourceError(f"{self.name} sends data without a complete JPEG")
            if jpegs or not was_inside:
                began_s = now_s


class StillSource:
    """A camera that gives one picture for each request, asked several times a second."""

    fps = None

    def __init__(self, client: HttpClient, name: str) -> None:
        """Ask with a client that `close` closes."""
        self.name = name
        self.captured_s = 0.0
        self._client = client
        self._last = b""  # the hash of the last picture
        self._good_s = self._polled_s = -math.inf
        self._changed_s = 0.0  # when it came; 0 before the first
        self._pause_s = 1 / POLLS_A_SECOND

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR; NoNewImage if it is the last one still; SourceError."""
        time.sleep(max(self._polled_s + self._pause_s - time.monotonic(), 0))
        self._polled_s = time.monotonic()
        try:
            data, came_s = self._fetch()
            digest = hashlib.blake2b(data).digest()
            image = self._decode(data) if digest != self._last else None
        except SourceError:
            if time.monotonic() - self._good_s > FAILING_S:
                raise
            raise NoNewImage from None
        self._good_s = time.monotonic()
        if image is None:
            raise NoNewImage
        if self._changed_s:
            pause_s = min((came_s - self._changed_s) / POLLS_A_PERIOD, MAX_POLL_S)
            self._pause_s = max(pause_s, 1 / POLLS_A_SECOND)
        self._last, self._changed_s, self.captured_s = digest, came_s, came_s
        return image

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _fetch(self) -> tuple[bytes, float]:
        """Return the picture's bytes and the time at which they began to come; raises SourceError."""
        answer = self._client.get()
        came_s, data = time.monotonic(), bytearray()
        with closing(Body(answer, self.name)) as body:
            for piece in body.pieces():
                data += piece
                if len(data) > MAX_JPEG_BYTES or time.monotonic() - came_s > SILENCE_S:
                    self._client.close()
                    raise SourceError(f"{self.name} sends a picture that does not end")
        return bytes(data), came_s

    def _decode(self, data: bytes) -> Image:
        """Return the image of a picture of any kind; raises SourceError."""
        jpegs = JpegSplitter().feed(data)
        image = decode_jpeg(jpegs[0]) if jpegs and data.startswith(START) else None
        if image is not None:
            return image
        try:
            return read_picture(data).image
        except PictureError as error:
            raise SourceError(f"{self.name} sends data that cannot be shown: {error}") from None
