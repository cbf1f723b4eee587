"""A camera with RTSP: what PyAV packs as RTP, between the lines of the connection (RFC 2326, 10.12)."""

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from tests.fakes.images import plain_image
from tests.fakes.videos import TICK_S, add_stream, encoded
from tests.fakes.waiting import PATIENCE_S
from vision.frames import Image
from vision.jpeg import encode_jpeg

USER, PASSWORD = "admin", "pa ss"
BLOCK_PX = 32  # of the picture's number, in its first rows
BITS = 16


class Coding(NamedTuple):
    """FFmpeg's name of an encoder, with the payload type and its line in the description."""

    encoder: str
    payload: int
    line: str


H264 = Coding("libx264", 96, "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n")
MJPEG = Coding("mjpeg", 26, "")
MPEG2 = Coding("mpeg2video", 32, "")


class RtspCamera:
    """Serves a stream of plain images of 640x480 px on a port of its own; a context manager."""

    def __init__(
        self,
        coding: Coding = H264,
        *,
        fps: float = 25.0,
        interlaced: bool = False,
        locked: bool = False,
        port: int = 0,
    ) -> None:
        """With `locked`, USER and PASSWORD are asked for."""
        self.coding, self.fps, self.interlaced, self.locked = coding, fps, interlaced, locked
        self.sent_s: dict[int, float] = {}  # monotonic, by number of the image
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Switch the camera off; a second call does nothing."""
        self._ended.set()
        for connection in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as lines:
            while (request := lines.readline()) and not self._ended.is_set():
                if request[:1] == b"$":
                    continue  # a receiver's report
                head = [request.decode("latin-1").strip()]
                while line := lines.readline().decode("latin-1").strip():
                    head.append(line)
                self._answer(connection, head)

    def _answer(self, connection: socket.socket, head: list[str]) -> None:
        method = head[0].split(" ")[0]
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        lines, body, status = [f"CSeq: {fields.get('cseq', '0')}"], "", "200 OK"
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.locked and method != "OPTIONS" and fields.get("authorization") != f"Basic {secret}":
            status = "401 Unauthorized"
            lines.append('WWW-Authenticate: Basic realm="camera"')
        elif method == "OPTIONS":
            lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=video 0 RTP/AVP {self.coding.payload}\r\n{self.coding.line}a=control:video\r\n"
            )
            lines += [
                f"Content-Base: {self.url}/",
                "Content-Type: application/sdp",
                f"Content-Length: {len(body)}",
            ]
        elif method == "SETUP":
            lines += ["Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        elif method == "PLAY":
            lines.append("Session: 1")
            self._threads.append(threading.Thread(target=self._play, args=(connection,)))
        connection.sendall("\r\n".join([f"RTSP/1.0 {status}", *lines, "", body]).encode())
        if method == "PLAY" and status == "200 OK":
            self._threads[-1].start()

    def _play(self, connection: socket.socket) -> None:
        """Have PyAV pack the images for a socket of our own, and pass its packets on."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.bind(("127.0.0.1", 0))
            packets.settimeout(0.002)
            address = f"rtp://127.0.0.1:{packets.getsockname()[1]}?pkt_size=1400"
            with av.open(address, "w", format="rtp") as output:
                image = numbered_image(0)
                stream = add_stream(output, image, self.coding.encoder, self.fps, self.interlaced)
                make_packets = jpeg_packets if self.coding is MJPEG else encoded
                for packet in make_packets(stream, self._images()):
                    output.mux(packet)
                    with contextlib.suppress(TimeoutError):
                        while not self._ended.is_set():
                            data = packets.recv(65536)
                            connection.sendall(b"$\0" + len(data).to_bytes(2, "big") + data)

    def _images(self) -> Iterator[tuple[Image, float]]:
        began_s, number = time.monotonic(), 0
        while not self._ended.wait(max(began_s + number / self.fps - time.monotonic(), 0)):
            self.sent_s[number] = time.monotonic()
            yield numbered_image(number), number / self.fps
            number += 1


def jpeg_packets(stream: VideoStream, timed: Iterable[tuple[Image, float]]) -> "Iterator[Packet[Any]]":
    """Yield images with their times in s as JPEGs with two quantization tables, as RTP wants them."""
    for image, t_s in timed:
        packet = Packet(encode_jpeg(image, 90))
        packet.stream, packet.time_base = stream, TICK_S
        packet.pts = packet.dts = round(t_s / TICK_S)
        yield packet


def numbered_image(number: int) -> Image:
    """Return a plain gray image (480, 640, 3) with its number as BITS black and white blocks above."""
    image = plain_image(110, 480, 640)
    for bit in range(BITS):
        image[:BLOCK_PX, bit * BLOCK_PX : (bit + 1) * BLOCK_PX] = 255 if number >> bit & 1 else 0
    return image


def read_number(image: Image) -> int:
    """Return the number in an image of `numbered_image`, which must be whole."""
    assert image.shape == (480, 640, 3)
    assert abs(np.median(image[BLOCK_PX * 2 :]) - 110) < 6
    assert float(np.abs(image[BLOCK_PX * 2 :].astype(int) - 110).mean()) < 6
    blocks = [
        image[8 : BLOCK_PX - 8, bit * BLOCK_PX + 8 : (bit + 1) * BLOCK_PX - 8].mean() for bit in range(BITS)
    ]
    return sum(int(level > 127) << bit for bit, level in enumerate(blocks))
