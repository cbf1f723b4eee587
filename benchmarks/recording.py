"""Measure the cost of recording, and the sightings written a second: python -m benchmarks.recording.

Frames with faces are published at 30 fps, without and with a recorder; then a history is filled as fast as the
database allows, and exported. CPU time is measured, which other work on the machine changes little.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from recording.database import DatabaseError, UrlError
from recording.export import as_csv, as_json_lines, records
from recording.history import History, Session
from recording.recorder import Recorder
from streaming.viewable import State, Viewable
from vision.emotions import EMOTIONS
from vision.frames import AnnotatedFrame
from vision.tracker import Track

FPS = 30
ROWS_A_WRITE = 500


class SyntheticCamera(Viewable):
    """A camera of frames with random faces and no pictures."""

    def __init__(self, faces: int) -> None:
        """Show so many faces in each frame."""
        super().__init__(linger_s=0)
        self._faces = faces
        self._random = np.random.default_rng(0)

    def _begin(self) -> None:
        """Do nothing: the camera has no threads."""

    def state(self) -> State:
        """Return a state that says it runs."""
        return State("benchmark", "", True, "", FPS, 0.0, 1, None)

    def tracks(self, t_s: float) -> list[Track]:
        """Return the faces of a frame at t_s."""
        return [self._track(number, t_s) for number in range(1, self._faces + 1)]

    def _track(self, number: int, t_s: float) -> Track:
        """Return a face with random probabilities in a random place."""
        probs = self._random.dirichlet(np.ones(7)).astype(np.float32)
        x = int(self._random.integers(0, 500))
        return Track(number, (x, 100, x + 120, 220), probs, EMOTIONS[int(probs.argmax())], True, t_s)

    def publish(self, seconds: float) -> tuple[float, float]:
        """Publish at FPS; return the CPU time of a frame in us, and of all threads a second in s."""
        spent_s, cpu_started_s, frames = 0.0, time.process_time(), int(seconds * FPS)
        started_s = time.monotonic()
        for index in range(frames):
            now_s = time.monotonic()
            frame = AnnotatedFrame(index, now_s, now_s, b"", self.tracks(now_s))
            before_s = time.thread_time()
            self.annotated.put(frame)
            spent_s += time.thread_time() - before_s
            time.sleep(max(started_s + (index + 1) / FPS - time.monotonic(), 0))
        return spent_s / frames * 1e6, (time.process_time() - cpu_started_s) / seconds


def fill(history: History, camera: SyntheticCamera, count: int) -> tuple[float, float, float, float]:
    """Write so many sightings, ROWS_A_WRITE at once, and export them.

    Returns how many are written a second, by clock and by CPU time, and how many are exported a second of CPU
    time, as CSV and as JSON Lines.
    """
    session, at_ms = Session(0), 0
    rows = [(0, track) for _ in range(ROWS_A_WRITE) for track in camera.tracks(0.0)][:ROWS_A_WRITE]
    started_s, cpu_started_s = time.perf_counter(), time.process_time()
    for _ in range(count // ROWS_A_WRITE):
        at_ms += 1000
        history.write(session, rows, at_ms, "benchmark")
    spent_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_started_s
    csv, lines = (export(history, session.session_id or 0, form) for form in (as_csv, as_json_lines))
    history.delete(session.session_id or 0)
    return session.written / spent_s, session.written / cpu_s, csv, lines


def export(history: History, session_id: int, form: Callable[[Any], Iterable[str]]) -> float:
    """Return how many sightings of a session are exported a second of CPU time."""
    summary = history.session(session_id)
    if summary is None:
        return 0.0
    started_s = time.process_time()
    for _ in form(records(summary, history.sightings(session_id))):
        pass
    return summary.sightings / (time.process_time() - started_s)


def report(url: str, faces: int, seconds: float, count: int) -> str:
    """Measure with a database, and return the figures as lines."""
    plain_us, plain_cpu = SyntheticCamera(faces).publish(seconds)
    camera, history = SyntheticCamera(faces), History(url)
    recorder = Recorder(camera, history)
    off_us, _ = camera.publish(seconds)
    recorder.start()
    on_us, on_cpu = camera.publish(seconds)
    written, session_id = recorder.state(), recorder.state().session_id
    recorder.close()
    rate, cpu_rate, csv, lines = fill(history, camera, count)
    if session_id:
        history.delete(session_id)
    history.close()
    frame_us = 1e6 / FPS
    return "\n".join(
        (
            f"{history.database.name}, {FPS} fps, {faces} faces a frame",
            f"publishing a frame: {plain_us:.0f} us without a recorder, {off_us:.0f} us with one that is off, "
            f"{on_us:.0f} us while it records: {(on_us - plain_us) / frame_us:.3%} of a frame's time more",
            f"writing, in a thread of its own: {on_cpu - plain_cpu:.1%} of a core; dropped {written.dropped}",
            f"sightings written at full speed: {rate:,.0f} a second, {cpu_rate:,.0f} a second of CPU time; "
            f"a recording has {FPS * faces} a second",
            f"sightings exported a second of CPU time: {csv:,.0f} as CSV, {lines:,.0f} as JSON Lines",
        )
    )


def main(argv: list[str] | None = None) -> int:
    """Print the figures of a database; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("--database-url", default="", help="as main.py's (default: a new SQLite file)")
    parser.add_argument("--faces", type=int, default=3, help="faces in each frame (default: 3)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a measurement (default: 10)")
    parser.add_argument("--rows", type=int, default=50_000, help="sightings written (default: 50000)")
    args: Any = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        url = args.database_url or str(Path(folder) / "history.sqlite")
        try:
            print(report(url, args.faces, args.seconds, args.rows))
        except (DatabaseError, UrlError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
