"""Writes the results of one job: pictures with their faces drawn, faces cut out, videos, a table."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from uploads.analysis import Analysis, Event, InputFile, Remark, VideoFrame
from uploads.annotated_copy import Writer, open_writer
from uploads.recognizer import Reading, Recognizer, annotate, picture_rows, reading_json, with_heat_map
from uploads.results import open_table
from uploads.timeline import Timeline
from vision.faces import face_rows, remark_row
from vision.jpeg import encode_jpeg
from vision.overlay import Scene
from vision.pipeline import Pipeline

MAX_ENTRIES = 2000  # of a ZIP
SCENE_SIDE_PX = 960
CROP_SIDE_PX = 160


class ResultWriter:
    """Writes into a job's folder, and lists the results in items, for the job's page.

    Every method raises OSError where the disk is full. `write` and `open_writer` are for within a with block,
    which `read` opens itself.
    """

    def __init__(self, folder: Path, jpeg_quality: int, blur: bool, first: int = 0) -> None:
        """Write into folder, which exists; jpeg_quality is 1 to 100, and blur hides the faces.

        The items' numbers begin with first, where another writer has written those before.
        """
        self.items: list[dict[str, Any]] = []
        self._folder = folder
        self._first = first
        self._jpeg_quality = jpeg_quality
        self._blur = blur
        self._timelines: list[tuple[dict[str, Any], Timeline]] = []
        self._files = ExitStack()

    def read(
        self,
        files: Sequence[InputFile],
        recognizer: Recognizer,
        make_pipeline: Callable[[], Pipeline],
        cancelled: threading.Event,
        report_progress: Callable[[float, str], None],
        *,
        whole: bool = False,
    ) -> list[dict[str, Any]]:
        """Read all files and return their items; fewer, once cancelled is set.

        With whole each whole picture is a face, as in `Recognizer.read`.
        report_progress(progress, doing) is called after each picture and frame, with 0 to 1 and a phrase.
        """
        with self:
            analysis = Analysis(files, recognizer, make_pipeline, self.open_writer, MAX_ENTRIES, whole=whole)
            with closing(iter(analysis)) as events:
                for event in events:
                    self.write(event)
                    report_progress(analysis.progress, analysis.doing)
                    if cancelled.is_set():
                        analysis.stop()
        return self.items

    def __enter__(self) -> Self:
        self._table = self._files.enter_context(open_table(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()
        for item, timeline in self._timelines:
            item["timeline"] = timeline.summary()
            if item["video"] and not (self._folder / item["video"]).is_file():
                item["video"] = None

    def write(self, event: Event) -> None:
        """Write the pictures and rows of an event, and list it."""
        if isinstance(event, Reading):
            self.items.append(self.write_picture(self._number, event))
            self._table.add(picture_rows(event))
        elif isinstance(event, VideoFrame):
            self._timelines[-1][1].add(event.t_s, event.faces)
            self._table.add(face_rows(event.name, event.faces, event.t_s, event.index))
        else:
            self._write_remark(event)

    def open_writer(self, name: str, fps: float, size_px: tuple[int, int]) -> Writer:
        """List a video and return the writer of its annotated copy; raises VideoError."""
        stem = self._folder / str(self._number)
        width, height = size_px
        item: dict[str, Any] = {"kind": "video", "file": name, "width": width, "height": height}
        item |= {"fps": round(fps, 3), "video": None}
        self.items.append(item)
        self._timelines.append((item, Timeline()))
        writer, path = open_writer(stem, fps, size_px)
        item["video"] = path.name
        return writer

    @property
    def _number(self) -> int:
        """The number of the next item, by which its files are named."""
        return self._first + len(self.items)

    def write_picture(self, number: int, reading: Reading) -> dict[str, Any]:
        """Write the pictures of the item of that number, and return the item."""
        scene, cuts = annotate(reading, self._blur)
        crops = [f"{number}-{face.track_id}.jpg" for face in reading.faces]
        self._write_jpeg(f"{number}.jpg", scene, SCENE_SIDE_PX)
        heats = [f"{number}-{face.track_id}-heat.jpg" for face in reading.faces]
        for crop, heat, cut in zip(crops, heats, cuts, strict=True):
            small = shrunk(cut.image, CROP_SIDE_PX)
            self._write_jpeg(crop, small, CROP_SIDE_PX)
            self._write_jpeg(heat, with_heat_map(small, cut), CROP_SIDE_PX)
        item = {
            "kind": "picture",
            "file": reading.name,
            "scene": f"{number}.jpg",
            "crops": crops,
            "heats": heats,
            "hidden": self._blur,
        }
        return item | reading_json(reading)

    def _write_remark(self, remark: Remark) -> None:
        item = {"kind": "remark", "file": remark.name, "text": remark.text, "is_problem": remark.is_problem}
        self.items.append(item)
        self._table.add([remark_row(remark.name, remark.text)])

    def _write_jpeg(self, name: str, image: Scene, side_px: int) -> None:
        (self._folder / name).write_bytes(encode_jpeg(shrunk(image, side_px), self._jpeg_quality))


def shrunk(image: Scene, side_px: int) -> Scene:
    """Return image (H, W, 3) with no side longer than side_px; it is never enlarged."""
    height, width = image.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return image
    size_px = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(image, size_px, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def title_of(names: Sequence[str]) -> str:
    """Return the title of a job: its first file, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def was_read(items: Sequence[dict[str, Any]]) -> bool:
    """Return whether any file of a job could be read."""
    return any(item["kind"] != "remark" for item in items)
