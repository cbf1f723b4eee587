"""Three servers of the same pictures that benchmarks.serving compares, each started as a process.

shared() is the site with a synthetic camera, generator() is Flask with a generator and so a thread for each
viewer, and `python -m benchmarks.servers PORT` is a plain asyncio server.
"""

import asyncio
import sys
import threading
import time
from typing import Any, cast

from flask import Flask, Response

from benchmarks.cameras import FPS, PICTURE, QuietCamera
from server.lifetime import EXTENSION, Lifetime
from settings import LOOPBACK, ROOT
from streaming.audience import Audience
from streaming.latest import follow
from streaming.multipart import CONTENT_TYPE, part
from streaming.sender import Sender
from streaming.variants import Variants
from vision.frames import AnnotatedFrame
from vision.samples import Samples
from web.security import Access
from web.shown import ShownCamera
from web.site import make_site


class SteadyCamera(QuietCamera):
    """A camera that publishes the same 40 KB at FPS."""

    def __init__(self) -> None:
        """Begin to publish, until `close`."""
        super().__init__()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Publish a frame every 1/FPS s."""
        started_s, index = time.monotonic(), 0
        while not self._ended.wait(max(started_s + index / FPS - time.monotonic(), 0)):
            now_s = time.monotonic()
            self.annotated.put(AnnotatedFrame(index, now_s, now_s, PICTURE))
            index += 1

    def close(self) -> bool:
        """Stop publishing and join the thread; return True."""
        self._ended.set()
        self._end()
        self._thread.join(1)
        return True


def shared() -> Flask:
    """Return the project's site, for gunicorn with any number of threads."""
    lifetime = Lifetime()
    camera = lifetime.own(SteadyCamera())
    variants = lifetime.own(Variants(camera.annotated, lambda frame, _: frame))
    sender = lifetime.own(Sender())
    audience = Audience(camera, variants, sender, max_viewers=4096)
    # nobody asks for the samples' probabilities
    samples = Samples(ROOT / "static" / "samples", lambda: cast(Any, None))
    site = make_site(ShownCamera(camera, audience), samples, Access(LOOPBACK))
    site.extensions[EXTENSION] = lifetime
    return site


def generator() -> Flask:
    """Return a Flask site with a generator, and so a thread, for each viewer."""
    site = Flask(__name__)
    camera = SteadyCamera()

    @site.get("/video_feed")
    def video_feed() -> Response:
        parts = (part(picture, ahead=False) for picture in follow(camera.annotated))
        return Response(parts, content_type=CONTENT_TYPE)

    @site.get("/healthz")
    def healthz() -> str:
        return "ok\n"

    return site


async def serve(port: int) -> None:
    """Serve the pictures with asyncio alone, one coroutine for each viewer, until cancelled."""
    news = asyncio.Condition()
    newest = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        try:
            if b"/healthz" in request:
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok\n")
                return
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\n\r\n".encode())
            while True:
                async with news:
                    await news.wait()
                writer.write(newest)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        started_s, index = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(started_s + index / FPS - time.monotonic(), 0))
            now_s = time.monotonic()
            newest = part(AnnotatedFrame(index, now_s, now_s, PICTURE), ahead=False)
            index += 1
            async with news:
                news.notify_all()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
