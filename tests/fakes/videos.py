"""Videos as cameras, phones and browsers make them, written with PyAV."""

import io
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import av.stream
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tests.fakes.images import plain_image
from vision.frames import Image

NUMBERS, STEP = 24, 9  # of images that can be told apart, and the gray levels between two
TICK_S = Fraction(1, 90_000)
OPTIONS = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "10"},
    "mjpeg": {"qmax": "3"},
}


def gray_steps(count: int, size_px: tuple[int, int] = (64, 48)) -> list[Image]:
    """Return plain images, each brighter than the one before, so that `levels_of` tells which is which."""
    return [plain_image(level_of(number), size_px[1], size_px[0]) for number in range(count)]


def level_of(number: int) -> int:
    """Return the gray level of an image of `gray_steps`."""
    return 30 + STEP * (number % NUMBERS)


def number_of(image: Image) -> int:
    """Return the number, below NUMBERS, of the image of `gray_steps` that this is; it is plain."""
    assert image.std() < 4, "the image is not plain"
    return round((float(image.mean()) - 28) / STEP)


def make_video(
    images: Sequence[Image],
    *,
    container: str = "mp4",
    encoder: str = "libx264",
    fps: float = 25.0,
    times_s: Sequence[float] | None = None,
    interlaced: bool = False,
    pixel: Fraction | None = None,
    turned_deg: float = 0,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """Return a video of images of one size, at their times or at one rate.

    pixel is the width of a pixel by its height; turned_deg is how far a player has to turn the images.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, "video")  # to move the index to the front, FFmpeg opens it again by its name
        with av.open(path, "w", format=container, options=dict(options or {})) as output:
            stream = add_stream(output, images[0], encoder, fps, interlaced)
            if pixel:
                stream.codec_context.sample_aspect_ratio = pixel
            if turned_deg:
                stream.set_display_rotation(turned_deg)
            times_s = times_s or [number / fps for number in range(len(images))]
            for packet in encoded(stream, zip(images, times_s, strict=True)):
                output.mux(packet)
        return path.read_bytes()


def add_stream(
    output: OutputContainer, image: Image, encoder: str, fps: float, interlaced: bool
) -> VideoStream:
    """Add a video of images like this one to a container."""
    stream = output.add_stream(encoder, Fraction(fps).limit_denominator(1000), options=OPTIONS.get(encoder, {}))
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = image.shape[:2]
    stream.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
    stream.gop_size = 5
    if encoder in ("libx264", "libvpx"):
        stream.time_base = stream.codec_context.time_base = TICK_S
    if interlaced:
        stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    return stream


def encoded(stream: VideoStream, timed: Iterable[tuple[Image, float]]) -> "Iterable[Packet[VideoStream]]":
    """Yield the packets of images with their times in s."""
    time_base = stream.codec_context.time_base or TICK_S
    for image, t_s in timed:
        frame = VideoFrame.from_ndarray(image, "bgr24")
        frame.time_base, frame.pts = time_base, round(t_s / time_base)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def make_sound(container: str = "mp4", encoder: str = "aac", cover: bytes = b"") -> bytes:
    """Return a second of silence, with a JPEG as its cover if one is given."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(encoder, 44100)
        assert isinstance(stream, AudioStream)
        picture = None
        if cover:
            with av.open(io.BytesIO(cover), "r", format="mjpeg") as source:
                picture = output.add_stream_from_template(source.streams.video[0])
                picture.disposition = av.stream.Disposition.attached_pic
                [packet, *_] = source.demux(video=0)
                packet.stream, packet.pts, packet.dts = picture, 0, 0
                output.mux(packet)
        for number in range(40):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = 44100, 1024 * number
            for packet in stream.encode(frame):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return file.getvalue()
