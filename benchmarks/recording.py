"""Measure the cost of recording, and the sightings written per second: python -m benchmarks.recording.

Frames with faces are published at 30 fps, without and with a recorder; then a history is filled as fast as the
database allows. The figures are CPU times, because other work on the machine hardly changes them.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.cameras import FPS, QuietCamera, RandomFaces
from recording.database import DatabaseError, UrlError
from recording.history import History, Session
from recording.recorder import Recorder
from vision.frames import AnnotatedFrame

FACES = 3  # of a frame
SECONDS = 10.0  # of a measurement
ROWS, ROWS_A_WRITE = 50_000, 500


def publish(camera: QuietCamera) -> tuple[float, float]:
    """Publish at FPS; return the CPU time of a frame in us, and of all threads a second in s."""
    faces, spent_s, frames = RandomFaces(FACES), 0.0, int(SECONDS * FPS)
    started_s, cpu_started_s = time.monotonic(), time.process_time()
    for index in range(frames):
        now_s = time.monotonic()
        frame = AnnotatedFrame(index, now_s, now_s, b"", faces.tracks(now_s))
        before_s = time.thread_time()
        camera.annotated.put(frame)
        spent_s += time.thread_time() - before_s
        time.sleep(max(started_s + (index + 1) / FPS - time.monotonic(), 0))
    return spent_s / frames * 1e6, (time.process_time() - cpu_started_s) / SECONDS


def fill(history: History) -> tuple[float, float]:
    """Write ROWS sightings; return how many are written a second, by clock and by CPU time."""
    session = Session(0)
    rows = [(0, track) for track in RandomFaces(ROWS_A_WRITE).tracks(0.0)]
    started_s, cpu_started_s = time.perf_counter(), time.process_time()
    for number in range(1, ROWS // ROWS_A_WRITE + 1):
        history.write(session, rows, number * 1000, "benchmark")
    spent_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_started_s
    history.delete(session.session_id or 0)
    return session.written / spent_s, session.written / cpu_s


def report(url: str) -> str:
    """Measure with a database, and return the figures as lines."""
    plain_us, plain_cpu = publish(QuietCamera())
    camera, history = QuietCamera(), History(url)
    recorder = Recorder(camera, history)
    off_us, _ = publish(camera)
    recorder.start()
    on_us, on_cpu = publish(camera)
    written = recorder.state()
    recorder.close()
    rate, cpu_rate = fill(history)
    if written.session_id:
        history.delete(written.session_id)
    history.close()
    return "\n".join(
        (
            f"{history.database.name}, {FPS} fps, {FACES} faces per frame",
            f"publishing a frame: {plain_us:.0f} us without a recorder, {off_us:.0f} us with one that is off, "
            f"{on_us:.0f} us while it records: {(on_us - plain_us) * FPS / 1e6:.3%} of a frame's time more",
            f"writing, in a thread of its own: {on_cpu - plain_cpu:.1%} of a core; dropped {written.dropped}",
            f"sightings written at full speed: {rate:,.0f} per second, {cpu_rate:,.0f} per second of CPU time; "
            f"a recording has {FPS * FACES} per second",
        )
    )


def main(argv: list[str] | None = None) -> int:
    """Print the figures of a database; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("--database-url", default="", help="as main.py's (default: a new SQLite file)")
    given: str = parser.parse_args(argv).database_url
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(report(given or str(Path(folder) / "history.sqlite")))
        except (DatabaseError, UrlError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
