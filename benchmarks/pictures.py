"""Measure how many pictures of a ZIP are read per second: python -m benchmarks.pictures.

The pictures are sample faces on a plain background, where a search is faster than in a furnished room. Settings
are read from the environment: FER_DETECTOR=haar measures the cascade.
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
from uploads.result_writer import ResultWriter
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.samples import load_samples, read_face

PICTURES = 200
SIZES_PX = ((320, 240), (640, 480), (1280, 960))
FACE_SHARE = 0.45  # of the picture's height


def sample_zip(width: int, height: int) -> IO[bytes]:
    """Return a ZIP of JPEGs of width x height px, each with a face."""
    paths = [path for emotion in load_samples(SAMPLES).values() for path in emotion]
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packing:
        for number in range(PICTURES):
            scene, side_px = background(height, width), FACE_SHARE * height * rng.uniform(0.7, 1.0)
            centre = (width / 2, height * rng.uniform(0.4, 0.6))
            paste(scene, read_face(paths[number % len(paths)]), centre, side_px)
            colour = cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR)
            packing.writestr(f"{number:04}.jpg", cv2.imencode(".jpg", colour)[1].tobytes())
    file.seek(0)
    return file


def measure(file: InputFile, settings: Settings, classifier: EmotionClassifier, folder: Path | None) -> str:
    """Read a file, with annotated copies in the folder if there is one, and return the figures as text."""

    def no_writer(*_: object) -> Writer | None:
        return None

    detectors = Detectors.load(settings)
    make_pipeline = partial(make_video_pipeline, settings, classifier, detectors)
    with closing(make_recognizer(settings, classifier, detectors)) as recognizer:
        analysis = Analysis([file], recognizer, make_pipeline, no_writer, sys.maxsize)
        pictures = faces = 0
        started_s, cpu_started_s = time.perf_counter(), time.process_time()
        for event in written(analysis, folder) if folder else analysis:
            pictures += 1
            faces += len(getattr(event, "faces", ()))
        wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_started_s
    rate, each_ms = pictures / wall_s, cpu_s / pictures * 1000
    return f"{rate:.1f} pictures/s, {faces} faces in {pictures}, {each_ms:.1f} ms of CPU per picture"


def written(analysis: Analysis, folder: Path) -> Iterator[object]:
    """Yield each event of the analysis after its result is written into the folder."""
    with ResultWriter(folder, 80, blur=False) as writer:
        for event in analysis:
            writer.write(event)
            yield event


def main() -> int:
    """Print the rate for each size, without and with annotated copies; return the exit status."""
    argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__).parse_args()
    limit_threads()
    try:
        settings = read_settings()
        classifier = load_classifier(settings)
        for width, height in SIZES_PX:
            for case in ("read only", "with annotated copies"):
                file = InputFile.of_stream("sample.zip", sample_zip(width, height))
                with tempfile.TemporaryDirectory() as folder:
                    copies = None if case == "read only" else Path(folder)
                    figures = measure(file, settings, classifier, copies)
                print(f"{width}x{height} px, {case}: {figures}", flush=True)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
