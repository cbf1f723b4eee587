"""Sources, cameras and audiences without a device."""

import threading
from collections.abc import Generator
from dataclasses import replace

import numpy as np

from camera import Camera
from sources.base import SourceError
from streaming.audience import Audience
from streaming.latest import Latest, follow
from streaming.sender import WAITS, Sender, SenderWaits
from streaming.variants import Variant, Variants
from streaming.viewable import State, Viewable
from tests.fakes.images import make_track
from tests.fakes.waiting import PATIENCE_S
from vision.emotions import EMOTIONS
from vision.frames import AnnotatedFrame, Frame, Image
from vision.jpeg import encode_jpeg
from vision.samples import Sample, Samples


class FakeSource:
    """Gives the images it was made with, then what `then` says: an error, silence, or the last one again."""

    name = "fake"
    fps: float | None = 200.0

    def __init__(self, images: list[Image], then: Exception | str = "repeat") -> None:
        self.images, self.then = images, then
        self.reads = 0
        self.closed = threading.Event()
        self.release = threading.Event()

    def read(self) -> Image:
        index = self.reads
        self.reads += 1
        if index < len(self.images):
            return self.images[index]
        if isinstance(self.then, Exception):
            raise self.then
        if self.then == "stall":
            self.release.wait(PATIENCE_S)
            raise SourceError("released")
        return self.images[-1]

    def close(self) -> None:
        self.closed.set()


def fake_process(frame: Frame) -> AnnotatedFrame:
    """Annotate without a network: the frame's brightness comes back as the size of its box."""
    track = make_track(1, (0, 0, int(frame.image.flat[0]) + 1, 10))
    jpeg = encode_jpeg(frame.image, 80)
    return AnnotatedFrame(frame.index, frame.captured_s, frame.captured_s + 0.01, jpeg, [track])


def watch(camera: Camera, repeat_s: float = 0.1) -> Generator[AnnotatedFrame]:
    """Watch as a viewer does: the newest frames, until the camera is closed or the viewer is."""
    with camera.viewing():
        yield from follow(camera.annotated, repeat_s=repeat_s)


class Watched(Viewable):
    """A camera whose frames the test puts; counts who is viewing now."""

    def __init__(self) -> None:
        super().__init__(linger_s=0)

    @property
    def viewing_now(self) -> int:
        return self._viewers

    def state(self) -> State:
        return State("demo", "", True, "", 30.0, 20.0, 1, None)

    def _begin(self) -> None:
        """Have no threads."""


class FakeCrowd(Watched):
    """A feed without a camera, and the audience around it; put pictures into `feed`."""

    def __init__(self, max_viewers: int = 8, waits: SenderWaits = WAITS) -> None:
        super().__init__()
        self.feed = self.annotated
        self.variants = Variants(self.feed, fake_variant)
        self.sender = Sender(waits)
        self.audience = Audience(self, self.variants, self.sender, max_viewers)

    def close(self) -> None:
        self.sender.close()
        self.variants.close()
        self.feed.close()


def fake_variant(picture: AnnotatedFrame, variant: Variant) -> AnnotatedFrame:
    """Encode without OpenCV: the variant is named in the bytes."""
    return replace(picture, jpeg=picture.jpeg + f" {variant.width_px} {variant.quality}".encode())


FRAME = AnnotatedFrame(7, 1.0, 1.02, b"\xff\xd8jpeg", [make_track(3, (10, 20, 110, 120), "surprise")])


class FakeCamera(Viewable):
    """A camera with three frames and whatever state the test gives it."""

    def __init__(self, feed: Latest[AnnotatedFrame] | None = None) -> None:
        super().__init__(linger_s=0)
        self._annotated = feed or self._annotated
        self.now = State("camera 0", "", True, "", 29.97, 20.0, 1, FRAME)
        self.picture: AnnotatedFrame | None = FRAME

    def snapshot(self, timeout_s: float) -> AnnotatedFrame | None:
        assert timeout_s > 0
        return self.picture

    def state(self) -> State:
        return self.now

    def _begin(self) -> None:
        """Have no threads."""


class FakeSamples(Samples):
    def __init__(self) -> None:
        """Read no pictures."""

    def files(self, emotion: str) -> list[str]:
        return [f"samples/{emotion}/{number:02}.jpg" for number in range(1, 7)]

    def of(self, emotion: str) -> list[Sample]:
        probs = np.full(7, 0.05, dtype=np.float32)
        probs[EMOTIONS.index(emotion)] = 0.7
        return [Sample(file, probs) for file in self.files(emotion)]
