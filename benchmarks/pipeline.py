"""Measure the time of each of the pipeline's steps: python -m benchmarks.pipeline SOURCE.

Frames pass through the live pipeline at the source's own rate, because the background search depends on it. The
annotated fps are the rate that the mean total would allow.
"""

import argparse
import sys
import time
from contextlib import suppress
from functools import partial

import cv2
import numpy as np

from app import SAMPLES, make_live_pipeline
from settings import Settings, SettingsError, StartError, read_settings
from sources.base import NoNewImage, Source, SourceError
from sources.demo import DemoSource
from sources.opener import SourceOpener, check_source
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.frames import Frame, Image
from vision.pipeline import STEPS

WARM_UP, FRAMES = 30, 300  # frames before the measurement, and in it


def measure(source: Source, settings: Settings) -> tuple[dict[str, list[float]], float]:
    """Return each step's ms in each frame, with their "total", and the share of the frames with a face."""
    limit_threads()
    pipeline = make_live_pipeline(settings, load_classifier(settings), Detectors.load(settings))
    times: dict[str, list[float]] = {step: [] for step in (*STEPS, "total")}
    with_faces = 0
    period_s = 1 / (source.fps or 30.0)
    began_s = time.perf_counter()
    for index in range(WARM_UP + FRAMES):
        time.sleep(max(began_s + index * period_s - time.perf_counter(), 0))
        image = next_image(source)
        started_s = time.perf_counter()
        # by the video's clock: easing depends on the time between frames
        annotated = pipeline.process(Frame(index, index * period_s, image))
        total_ms = (time.perf_counter() - started_s) * 1000
        if index >= WARM_UP:
            for step, ms in (annotated.step_ms | {"total": total_ms}).items():
                times[step].append(ms)
            with_faces += bool(annotated.tracks)
    pipeline.close()
    return times, with_faces / FRAMES


def next_image(source: Source) -> Image:
    """Return the source's next image (H, W, 3) uint8 BGR, which differs from the last one."""
    while True:
        with suppress(NoNewImage):
            return source.read()


def report(times: dict[str, list[float]], with_faces: float) -> str:
    """Return a table of each step's median and p95, and the rate that the total allows."""
    lines = [f"{'step':10}{'median ms':>11}{'p95 ms':>9}"]
    for step, values in times.items():
        lines.append(f"{step:10}{np.median(values):11.2f}{np.percentile(values, 95):9.2f}")
    lines.append(f"annotated fps: {1000 / np.mean(times['total']):.1f}; frames with a face: {with_faces:.0%}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the table of a source; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("source", help="source, as main.py's --source")
    given: str = parser.parse_args(argv).source
    try:
        settings = read_settings(["--source", given])
        check_source(given)
        size_px = (settings.camera_width_px, settings.camera_height_px)
        source, _ = SourceOpener(given, size_px, partial(DemoSource, SAMPLES))()
        times, with_faces = measure(source, settings)
        height, width = source.read().shape[:2]
    except (SettingsError, SourceError, StartError, cv2.error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{source.name}, {width}x{height}, {FRAMES} frames")
    print(report(times, with_faces))
    source.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
