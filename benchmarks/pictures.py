"""Measure the pictures of a ZIP that are read a second: python -m benchmarks.pictures.

The pictures are sample faces on a quiet background, where a search is cheaper than in a furnished room; give
your own ZIP or pictures to measure those.
"""

import argparse
import io
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from app import SAMPLES
from benchmarks.scenes import background, paste
from model import EmotionClassifier
from settings import Settings, StartError, read_settings
from uploads.analysis import Analysis, InputFile
from uploads.annotated_copy import Writer
from uploads.assemble import load_classifier, make_recognizer, make_video_pipeline
from uploads.recognizer import Recognizer
from uploads.result_writer import ResultWriter
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.samples import load_samples, read_face

SIZES_PX = ((320, 240), (640, 480), (1280, 960))
FACE_SHARE = 0.45  # of the picture's height


def sample_zip(count: int, size_px: tuple[int, int], faces: int) -> IO[bytes]:
    """Return a ZIP of `count` JPEGs of size_px (width, height), each with so many faces side by side."""
    width, height = size_px
    paths = [path for emotion in load_samples(SAMPLES).values() for path in emotion]
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packing:
        for number in range(count):
            scene = background(height, width)
            for column in range(faces):
                side_px = min(FACE_SHARE * height, width / faces) * rng.uniform(0.7, 1.0)
                centre = (width * (column + 0.5) / faces, height * rng.uniform(0.4, 0.6))
                paste(scene, read_face(paths[(number * faces + column) % len(paths)]), centre, side_px, 1.0)
            colour = cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR)
            packing.writestr(f"{number:04}.jpg", cv2.imencode(".jpg", colour)[1].tobytes())
    file.seek(0)
    return file


def measure(
    files: list[InputFile],
    settings: Settings,
    classifier: EmotionClassifier,
    recognizer: Recognizer,
    folder: Path | None,
) -> tuple[int, int, float, float]:
    """Read the files, with annotated copies in the folder if there is one.

    Returns the number of pictures and of faces, and the wall time and CPU time in s.
    """

    def no_writer(*_: object) -> Writer | None:
        return None

    analysis = Analysis(
        files,
        recognizer,
        partial(make_video_pipeline, settings, classifier, Detectors.load(settings)),
        no_writer,
        sys.maxsize,
    )
    pictures = faces = 0
    started_s, cpu_started_s = time.perf_counter(), time.process_time()
    for event in written(analysis, folder) if folder else analysis:
        pictures += 1
        faces += len(getattr(event, "faces", ()))
    return pictures, faces, time.perf_counter() - started_s, time.process_time() - cpu_started_s


def written(analysis: Analysis, folder: Path) -> Iterator[object]:
    """Yield each event of the analysis after its result is written into the folder."""
    with ResultWriter(folder, 80, blur=False) as writer:
        for event in analysis:
            writer.write(event)
            yield event


def report(pictures: int, faces: int, wall_s: float, cpu_s: float) -> str:
    """Return the figures of `measure` as a line."""
    each_ms = cpu_s / pictures * 1000
    return f"{pictures / wall_s:.1f} pictures/s, {faces} faces in {pictures}, {each_ms:.1f} ms of CPU a picture"


def main(argv: list[str] | None = None) -> int:
    """Print the rate for each size, without and with annotated copies; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument(
        "paths", metavar="PICTURE|ZIP", nargs="*", type=Path, help="files to read instead of sample pictures"
    )
    parser.add_argument("--pictures", type=int, default=200, help="number of sample pictures (default: 200)")
    parser.add_argument("--faces", type=int, default=1, help="faces in each sample picture (default: 1)")
    args = parser.parse_args(argv)
    try:
        settings = read_settings()
        limit_threads()
        classifier = load_classifier(settings)
        recognizer = make_recognizer(settings, classifier, Detectors.load(settings))
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with closing(recognizer):
        for size_px in (None,) if args.paths else SIZES_PX:
            title = "{}x{} px".format(*size_px) if size_px else "your files"
            for annotated in (False, True):
                files = [InputFile.of_path(path) for path in args.paths]
                if size_px:
                    files = [InputFile.of_stream("sample.zip", sample_zip(args.pictures, size_px, args.faces))]
                with tempfile.TemporaryDirectory() as folder:
                    copies = Path(folder) if annotated else None
                    figures = measure(files, settings, classifier, recognizer, copies)
                case = "with annotated copies" if annotated else "read only"
                print(f"{title}, {case}: {report(*figures)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
