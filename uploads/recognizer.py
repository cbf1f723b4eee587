"""Reads the faces of still pictures: several pictures beside each other, their faces in one batch."""

import queue
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from model import EmotionClassifier
from uploads.whole import (
    ASKED_NOTE,
    DOUBTFUL_NOTE,
    UNASKED_NOTE,
    is_filled_by_a_face,
    may_be_ready_cut,
    whole_of,
)
from vision.background import join
from vision.crops import turn_back
from vision.detector import Detections, Detector
from vision.emotions import EMOTIONS
from vision.faces import NO_FACE, face_json, face_rows, remark_row
from vision.overlay import PLAIN, Scene, View, draw
from vision.pictures import NO_MEMORY, Picture, PictureError, read_picture
from vision.resting_face import RestError, RestingFace, read_against
from vision.tracker import Track

BATCH = 8  # pictures; as many more are decoded and searched meanwhile
JOIN_S = 1.0  # for the pictures that are being searched
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
    file's picture, upright. With is_whole the only face is the whole picture; the note, "" for none, says
    that and what was left out.
    """

    name: str
    picture: Picture | None = field(default=None, repr=False)
    faces: tuple[Track, ...] = ()
    problem: PictureError | None = None
    is_whole: bool = False
    note: str = ""


class Cut(NamedTuple):
    """A face cut out of its picture: image (H, W, 3) BGR, and the track, its box in px of that image."""

    image: Scene
    face: Track


class _Found(NamedTuple):
    """A picture with its faces in px of its image, and their crops (n, side, side).

    whole_note says that, and why, the face is the whole picture.
    """

    picture: Picture
    faces: Detections
    crops: NDArray[np.uint8]
    whole_note: str = ""


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
        self._searches: set[Future[_Found]] = set()  # those that have not ended

    def read(
        self, files: Iterable[File], *, whole: bool = False, rest: RestingFace | None = None
    ) -> Generator[Reading]:
        """Yield a reading a file, in their order; files are taken a few ahead of the readings.

        With whole no face is searched for: each whole picture is one. Without, that goes for a picture that
        may be a ready-cut face and has none that is found; unless the second look finds one, it stays unsure.
        Every face is read against rest, if it is given.
        """
        left = iter(files)
        batch, ahead = self._begin(left, whole), []
        try:
            while batch:
                ahead = self._begin(left, whole)
                yield from self._name(batch, rest)
                batch = ahead
        finally:
            for _, future in (*batch, *ahead):  # the caller may have stopped
                future.cancel()

    def read_rest(self, files: Iterable[File]) -> RestingFace:
        """Return the resting face of the person with the largest face in each file; RestError without one."""
        probs = [reading.faces[0].probs for reading in self.read(files) if reading.faces]
        if not probs:
            raise RestError("No face was found in the pictures of the resting face.")
        return RestingFace(np.mean(probs, axis=0), time.time())

    def close(self) -> bool:
        """Join its threads, which first finish the pictures that they have begun; False after JOIN_S."""
        return join(self._pool, [*self._searches], JOIN_S)

    def _begin(self, files: Iterator[File], whole: bool) -> list[tuple[str, Future[_Found]]]:
        return [(file.name, self._submit(file, whole)) for file in islice(files, BATCH)]

    def _submit(self, file: File, whole: bool) -> Future[_Found]:
        search = self._pool.submit(self._find, file, whole)
        self._searches.add(search)
        search.add_done_callback(self._searches.discard)
        return search

    def _find(self, file: File, whole: bool) -> _Found:
        if file.problem:
            raise file.problem
        picture = read_picture(file.data, file.name)
        gray = cv2.cvtColor(picture.image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        if whole:
            return self._whole(picture, gray, ASKED_NOTE)
        detector = self._detectors.get_nowait()  # there are as many as threads
        try:
            faces = detector.detect(picture.image)
            if not len(faces) and may_be_ready_cut(picture.size_px):
                is_face = is_filled_by_a_face(picture.image, detector)
                return self._whole(picture, gray, UNASKED_NOTE if is_face else DOUBTFUL_NOTE)
        finally:
            self._detectors.put(detector)
        return _Found(picture, faces, self._classifier.crop(gray, faces.boxes, faces.tilts_deg))

    def _whole(self, picture: Picture, gray: NDArray[np.uint8], note: str) -> _Found:
        """Return a picture whose only face is all of it."""
        face = whole_of(picture.image)
        return _Found(picture, face, self._classifier.crop(gray, face.boxes), note)

    def _name(self, searched: list[tuple[str, Future[_Found]]], rest: RestingFace | None) -> Iterator[Reading]:
        found: list[_Found | PictureError] = [_result(future) for _, future in searched]
        crops = [one.crops for one in found if isinstance(one, _Found)]
        results = self._classifier.explain_both_ways(np.concatenate(crops)) if crops else ()
        rows = zip(*results, strict=True)
        for (name, _), one in zip(searched, found, strict=True):
            if isinstance(one, PictureError):
                yield Reading(name, problem=one)
                continue
            note = " ".join(filter(None, (one.picture.note, one.whole_note)))
            faces = tuple(self._faces(one, islice(rows, len(one.faces)), rest))
            yield Reading(name, one.picture, faces, is_whole=bool(one.whole_note), note=note)

    def _faces(
        self, found: _Found, rows: Iterator[tuple[NDArray[np.float32], ...]], rest: RestingFace | None
    ) -> Iterator[Track]:
        for index, (plain, maps) in enumerate(rows):
            row = read_against(plain, rest.probs) if rest else plain
            face = found.faces.at([index])
            best = int(row.argmax())
            sure = bool(row[best] >= self._unsure_below) and found.whole_note != DOUBTFUL_NOTE
            [upright] = turn_back(maps[None], face.tilts_deg)
            box, points = _scaled(face.boxes[0], 1), face.landmarks[0]
            landmarks = None if np.isnan(points).any() else points
            track = Track(index + 1, box, row, EMOTIONS[best], sure, 0.0, upright, landmarks, rest)
            placed = _placed(track, found.picture.scale)
            # a side of one pixel has another scale than the other
            yield replace(placed, box=(0, 0, *found.picture.size_px)) if found.whole_note else placed


def annotate(reading: Reading, blur: bool = False) -> tuple[Scene, list[Cut]]:
    """Return the picture with its faces drawn, BGR, and each face cut out; with blur they are hidden."""
    assert reading.picture is not None
    image = reading.picture.image
    faces = [_placed(face, 1 / reading.picture.scale) for face in reading.faces]
    hidden = [face.box for face in faces] if blur else ()
    plain = draw(image, [], PLAIN, hidden) if blur else image
    return draw(image, faces, PLAIN, hidden), [cut_out(plain, face) for face in faces]


def cut_out(image: Scene, face: Track) -> Cut:
    """Return a face with CROP_MARGIN around it, cut out of image (H, W, 3)."""
    x1, y1, x2, y2 = face.box
    margin = round((x2 - x1) * CROP_MARGIN)
    left, top = max(x1 - margin, 0), max(y1 - margin, 0)
    return Cut(image[top : y2 + margin, left : x2 + margin], _placed(face, 1, left, top))


def with_heat_map(image: Scene, cut: Cut) -> Scene:
    """Return a copy of image, the cut's own or a smaller one, with the heat map of its emotion laid over it."""
    face = _placed(cut.face, image.shape[1] / cut.image.shape[1])
    return draw(image, [face], ONLY_HEAT)


def _result(future: "Future[_Found]") -> _Found | PictureError:
    try:
        return future.result()
    except PictureError as problem:
        return problem.with_traceback(None)  # which would keep the file's bytes
    except (cv2.error, MemoryError):
        return PictureError(NO_MEMORY)


def _placed(face: Track, scale: float, left_px: int = 0, top_px: int = 0) -> Track:
    """Return a face as it lies in another image: enlarged by scale, then seen from (left_px, top_px)."""
    x1, y1, x2, y2 = _scaled(face.box, scale)
    landmarks = face.landmarks
    if landmarks is not None:
        landmarks = (landmarks * scale - (left_px, top_px)).astype(np.float32)
    return replace(face, box=(x1 - left_px, y1 - top_px, x2 - left_px, y2 - top_px), landmarks=landmarks)


def _scaled(box: Any, scale: float) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(float(side) * scale) for side in box)
    return x1, y1, x2, y2


def picture_rows(reading: Reading) -> list[list[object]]:
    """Return a picture's reading as rows, one a face or one that says that there is none."""
    return face_rows(reading.name, reading.faces, remark=reading.note) or [remark_row(reading.name, NO_FACE)]


def reading_json(reading: Reading) -> dict[str, Any]:
    """Return a picture's reading as JSON: width and height in px, faces, whole, and a note, "" for none."""
    assert reading.picture is not None
    width, height = reading.picture.size_px
    faces = [face_json(face) for face in reading.faces]
    return {"width": width, "height": height, "faces": faces, "whole": reading.is_whole, "note": reading.note}
