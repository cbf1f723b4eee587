"""Reads the faces of still pictures: several pictures beside each other, their faces in one batch."""

import queue
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from model import EmotionClassifier
from uploads.pictures import NO_MEMORY, Picture, PictureError, read_picture
from vision.detector import Detector
from vision.emotions import EMOTIONS
from vision.faces import face_json
from vision.overlay import PLAIN, Scene, View, draw
from vision.tracker import Track

BATCH = 8  # pictures; as many more are decoded and searched meanwhile
CROP_MARGIN = 0.15  # of the box, on each side: for people a face is more than the box
ONLY_HEAT = View(boxes=False, labels=False, heat=True)


class File(NamedTuple):
    """A picture file of a visitor: a name to show, and the bytes, or the problem in place of them."""

    name: str
    data: bytes
    problem: PictureError | None = None


@dataclass(frozen=True)
class Reading:
    """The result of one file: picture and faces, or the problem.

    The faces are tracks of one frame, largest first and numbered from 1, with maps; boxes are in px of the
    file's picture, upright.
    """

    name: str
    picture: Picture | None = field(default=None, repr=False)
    faces: tuple[Track, ...] = ()
    problem: PictureError | None = None


class Cut(NamedTuple):
    """A face cut out of its picture: image (H, W, 3) BGR, and the track, its box in px of that image."""

    image: Scene
    face: Track


class _Found(NamedTuple):
    """A picture with its boxes (n, 4) in px of its image, and the crops (n, side, side)."""

    picture: Picture
    boxes: NDArray[np.int32]
    crops: NDArray[np.uint8]


class Recognizer:
    """Finds faces and names their emotions; may be used by several threads at once. Close it."""

    def __init__(
        self,
        make_detector: Callable[[], Detector],
        classifier: EmotionClassifier,
        unsure_below: float,
        threads: int = 2,
    ) -> None:
        """Call make_detector once a thread: two threads cannot share a cascade."""
        self._classifier = classifier
        self._unsure_below = unsure_below
        self._detectors: queue.SimpleQueue[Detector] = queue.SimpleQueue()
        for _ in range(threads):
            self._detectors.put(make_detector())
        self._pool = ThreadPoolExecutor(threads, "recognizer")

    def read(self, files: Iterable[File]) -> Generator[Reading]:
        """Yield a reading a file, in their order; files are taken a few ahead of the readings."""
        rest = iter(files)
        batch, ahead = self._begin(rest), []
        try:
            while batch:
                ahead = self._begin(rest)
                yield from self._name(batch)
                batch = ahead
        finally:
            for _, future in (*batch, *ahead):  # the caller may have stopped
                future.cancel()

    def close(self) -> None:
        """Join its threads; a picture that one has begun is finished first."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, files: Iterator[File]) -> list[tuple[str, Future[_Found]]]:
        return [(file.name, self._pool.submit(self._find, file)) for file in islice(files, BATCH)]

    def _find(self, file: File) -> _Found:
        if file.problem:
            raise file.problem
        picture = read_picture(file.data, file.name)
        gray = cv2.cvtColor(picture.image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        detector = self._detectors.get_nowait()  # there are as many as threads
        try:
            boxes = detector.detect(gray)
        finally:
            self._detectors.put(detector)
        return _Found(picture, boxes, self._classifier.crop(gray, boxes))

    def _name(self, searched: list[tuple[str, Future[_Found]]]) -> Iterator[Reading]:
        found: list[_Found | PictureError] = [_result(future) for _, future in searched]
        crops = [one.crops for one in found if isinstance(one, _Found)]
        faces = self._classifier.explain_crops(np.concatenate(crops)) if crops else ()
        rows = zip(*faces, strict=True)
        for (name, _), one in zip(searched, found, strict=True):
            if isinstance(one, PictureError):
                yield Reading(name, problem=one)
                continue
            yield Reading(name, one.picture, tuple(self._faces(one, islice(rows, len(one.boxes)))))

    def _faces(self, found: _Found, rows: Iterator[tuple[NDArray[np.float32], ...]]) -> Iterator[Track]:
        for number, (box, (row, maps)) in enumerate(zip(found.boxes, rows, strict=True), 1):
            best = int(row.argmax())
            sure = bool(row[best] >= self._unsure_below)
            yield Track(number, _scaled(box, found.picture.scale), row, EMOTIONS[best], sure, 0.0, maps)


def annotate(reading: Reading, blur: bool = False) -> tuple[Scene, list[Cut]]:
    """Return the picture with its faces drawn, BGR, and each face cut out; with blur they are hidden."""
    assert reading.picture is not None
    image = reading.picture.image
    faces = [replace(face, box=_scaled(face.box, 1 / reading.picture.scale)) for face in reading.faces]
    hidden = [face.box for face in faces] if blur else ()
    plain = draw(image, [], PLAIN, hidden) if blur else image
    return draw(image, faces, PLAIN, hidden), [cut_out(plain, face) for face in faces]


def cut_out(image: Scene, face: Track) -> Cut:
    """Return a face with CROP_MARGIN around it, cut out of image (H, W, 3)."""
    x1, y1, x2, y2 = face.box
    margin = round((x2 - x1) * CROP_MARGIN)
    left, top = max(x1 - margin, 0), max(y1 - margin, 0)
    moved = replace(face, box=(x1 - left, y1 - top, x2 - left, y2 - top))
    return Cut(image[top : y2 + margin, left : x2 + margin], moved)


def heated(image: Scene, cut: Cut) -> Scene:
    """Return a copy of image, the cut's own or a smaller one, with the heat map of its emotion laid over it."""
    box = _scaled(cut.face.box, image.shape[1] / cut.image.shape[1])
    return draw(image, [replace(cut.face, box=box)], ONLY_HEAT)


def _result(future: "Future[_Found]") -> _Found | PictureError:
    try:
        return future.result()
    except PictureError as problem:
        return problem.with_traceback(None)  # which would keep the file's bytes
    except (cv2.error, MemoryError):
        return PictureError(NO_MEMORY)


def _scaled(box: Any, scale: float) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(float(side) * scale) for side in box)
    return x1, y1, x2, y2


def reading_json(reading: "Reading") -> dict[str, Any]:
    """Return a picture's reading as JSON: its width and height in px, its faces, and a note, "" for none."""
    assert reading.picture is not None
    width, height = reading.picture.size_px
    faces = [face_json(face) for face in reading.faces]
    return {"width": width, "height": height, "faces": faces, "note": reading.picture.note}
