"""Measure the time of each of the pipeline's steps: python -m benchmarks.pipeline SOURCE.

Frames pass through the live pipeline at the source's own rate, because the background search depends on it. The
annotated fps are the rate that the mean total would allow.
"""

import argparse
import sys
import time
from collections.abc import Sequence
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


def measure(source: Source, settings: Settings) -> tuple[dict[str, list[float]], list[int]]:
    """Return each step's ms in each frame, with "total" for all but "grab", and the faces in each frame."""
    limit_threads()
    pipeline = make_live_pipeline(settings, load_classifier(settings), Detectors.load(settings))
    times: dict[str, list[float]] = {step: [] for step in ("grab", *STEPS, "total")}
    faces: list[int] = []
    period_s = 1 / (source.fps or 30.0)
    began_s = time.perf_counter()
    for index in range(WARM_UP + FRAMES):
        time.sleep(max(began_s + index * period_s - time.perf_counter(), 0))
        started_s = time.perf_counter()
        image = next_image(source)
        grabbed_s = time.perf_counter()
        # by the video's clock: easing depends on the time between frames
        annotated = pipeline.process(Frame(index, index * period_s, image))
        ended_s = time.perf_counter()
        if index < WARM_UP:
            continue
        times["grab"].append((grabbed_s - started_s) * 1000)
        times["total"].append((ended_s - grabbed_s) * 1000)
        for step in STEPS:
            times[step].append(annotated.step_ms[step])
        faces.append(len(annotated.tracks))
    pipeline.close()
    return times, faces


def next_image(source: Source) -> Image:
    """Return the source's next image (H, W, 3) uint8 BGR, which differs from the last one."""
    while True:
        with suppress(NoNewImage):
            return source.read()


def report(times: dict[str, list[float]], faces: Sequence[int]) -> str:
    """Return a table of each step's median and p95, and the rate that the total allows."""
    lines = [f"{'step':10}{'median ms':>11}{'p95 ms':>9}"]
    for step, values in times.items():
        lines.append(f"{step:10}{np.median(values):11.2f}{np.percentile(values, 95):9.2f}")
    total = times["total"]
    lines.append(f"\np95 of the total: {np.percentile(total, 95) / np.median(total):.2f} times its median")
    lines.append(f"annotated fps: {1000 / np.mean(total):.1f} (grabbing not counted), ")
    lines[-1] += f"{1000 / np.percentile(total, 95):.1f} at the p95; median faces {np.median(faces):.0f}, "
    lines[-1] += f"frames with a face {np.mean(np.array(faces) > 0):.0%}"
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
        times, faces = measure(source, settings)
        height, width = source.read().shape[:2]
    except (SettingsError, SourceError, StartError, cv2.error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{source.name}, {width}x{height}, {FRAMES} frames")
    print(report(times, faces))
    source.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
