"""An HTTP camera on this machine that behaves as a test asks it to."""

import hashlib
import itertools
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np

from tests.fakes.waiting import PATIENCE_S
from vision.frames import Image
from vision.jpeg import encode_jpeg

Reply = Iterable[bytes | float]  # what is sent, and pauses in s
MIXED = "multipart/x-mixed-replace; boundary=frame"


class FakeHttpCamera:
    """Answers each request by what `replies` gives for its path; keeps the heads of all requests."""

    def __init__(self) -> None:
        self.replies: dict[str, Callable[[str], Reply]] = {}
        self.requests: list[str] = []
        self.connections = 0
        self.tls: ssl.SSLContext | None = None
        self.keeps = False  # connections, for more than one answer
        self.ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def url(self, path: str, login: str = "") -> str:
        return f"http://{login}{'@' if login else ''}127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        if self.tls:
            try:
                client = self.tls.wrap_socket(client, server_side=True)
            except OSError:
                client.close()
                return
        client.settimeout(0.05)
        with client:
            while head := self._read_head(client):
                self.requests.append(head)
                path = head.split(" ")[1]
                reply = self.replies.get(path.partition("?")[0], not_found)
                with suppress(OSError):
                    for piece in reply(head):
                        if self.ended.is_set():
                            return
                        if isinstance(piece, float):
                            self.ended.wait(piece)
                        else:
                            client.settimeout(PATIENCE_S)
                            client.sendall(piece)
                            client.settimeout(0.05)
                    if not self.keeps:
                        return

    def _read_head(self, client: socket.socket) -> str:
        received = b""
        while not self.ended.is_set() and b"\r\n\r\n" not in received:
            with suppress(TimeoutError):
                try:
                    piece = client.recv(4096)
                except ConnectionError:
                    return ""
                if not piece:
                    return ""
                received += piece
        return received.decode()


@contextmanager
def http_camera() -> Iterator[FakeHttpCamera]:
    """Give a camera, and close it at the end."""
    camera = FakeHttpCamera()
    try:
        yield camera
    finally:
        camera.close()


def numbered_image(number: int, height: int = 48, width: int = 64) -> Image:
    """Return an image from which `number_of` reads the number, 0 to 9, also when it was a JPEG."""
    return np.full((height, width, 3), 10 + 25 * number, dtype=np.uint8)


def numbered_jpeg(number: int, height: int = 48, width: int = 64) -> bytes:
    return encode_jpeg(numbered_image(number, height, width), 95)


def number_of(image: Image) -> int:
    assert int(image.max()) - int(image.min()) < 10  # whole: no part of it is gray
    return round((float(image.mean()) - 10) / 25)


def not_found(_: str) -> Reply:
    """Yield the answer for a path of which the test has said nothing."""
    return answer(404)


def answer(status: int, body: bytes = b"", headers: Sequence[str] = (), content_type: str = "") -> Reply:
    """Yield a whole answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    yield ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def stream(
    jpegs: Iterable[bytes],
    content_type: str = MIXED,
    *,
    boundary: str = "--frame",
    part_head: str = "Content-Type: image/jpeg",
    first: bool = True,
    newline: str = "\r\n",
    piece_bytes: int = 1 << 20,
    pause_s: float = 0.0,
    chunked: bool = False,
    stays: bool = False,
) -> Reply:
    """Yield a stream of JPEGs as parts, in small pieces; it ends after the last unless it stays open."""
    head = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
    head += f"Content-Type: {content_type}\r\n" if content_type else ""
    yield (head + ("Transfer-Encoding: chunked\r\n" if chunked else "") + "\r\n").encode()
    begin, end = f"{part_head}{newline}{newline}".encode(), f"{newline}{boundary}{newline}".encode()
    for part in itertools.chain([end[len(newline) :]] if first else [], (begin + jpeg + end for jpeg in jpegs)):
        for at in range(0, len(part), piece_bytes):
            piece = part[at : at + piece_bytes]
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
        yield pause_s
    if stays:
        yield PATIENCE_S


def digest_of(head: str) -> dict[str, str]:
    """Return the parts of a request's Digest answer; {} without one."""
    found = re.search(r"^Authorization: Digest (.+?)\r$", head, re.MULTILINE)
    pairs = re.findall(r'(\w+)=(?:"((?:\\.|[^"])*)"|([^,\s]+))', found[1]) if found else []
    return {key: re.sub(r"\\(.)", r"\1", quoted) or plain for key, quoted, plain in pairs}


def is_digest_right(head: str, user: str, password: str, realm: str, nonce: str, hashing: str = "md5") -> bool:
    """Return whether a request's Digest answer is as RFC 7616 has it."""

    def hashed(*texts: str) -> str:
        return hashlib.new(hashing, ":".join(texts).encode()).hexdigest()

    sent = digest_of(head)
    if not sent or sent["uri"] != head.split(" ")[1] or sent["nonce"] != nonce:
        return False
    secret, request = hashed(user, realm, password), hashed("GET", sent["uri"])
    if sent.get("algorithm", "").lower().endswith("-sess"):
        secret = hashed(secret, nonce, sent["cnonce"])
    middle = [sent["nc"], sent["cnonce"], sent["qop"]] if "qop" in sent else []
    return sent["username"] == user and sent["response"] == hashed(secret, nonce, *middle, request)
