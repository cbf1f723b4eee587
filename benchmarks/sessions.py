"""Measure how fast a long recorded session opens and is exported: python -m benchmarks.sessions.

An hour of four faces at 30 fps with 200 markers is written; then its pages and files are requested.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from flask.testing import FlaskClient

from app import create_app
from benchmarks.cameras import FPS, RandomFaces
from recording.about import About
from recording.history import History, Session, Sighting
from recording.markers import Marker
from server.lifetime import close_site
from settings import Settings

START_MS = 1_760_000_000_000
FACES, SECONDS, MARKERS = 4, 3600, 200
REPEATS = 5


def write_session(history: History) -> int:
    """Write the session, and return its number."""
    faces, session = RandomFaces(FACES), Session(START_MS, About("A benchmark", "", ("long",)))
    frames = [faces.tracks(0.0) for _ in range(200)]
    for second in range(SECONDS):
        at_ms = START_MS + 1000 * second
        rows: list[Sighting] = []
        for frame in range(FPS):
            tracks = frames[(second * FPS + frame) % len(frames)]
            rows += [(at_ms + frame * 1000 // FPS, track, 100.0) for track in tracks]
        history.write(session, rows, at_ms + 999, "benchmark")
    marks = [
        Marker(number, f"stimulus {number % 5}", START_MS + number * 1000 * SECONDS // MARKERS, START_MS)
        for number in range(1, MARKERS + 1)
    ]
    history.write(session, [], START_MS + 1000 * SECONDS, "benchmark", marks)
    return session.session_id or 0


def fetch(client: FlaskClient, path: str) -> tuple[float, int]:
    """Return the seconds that a request takes, and the size of its answer in bytes."""
    started_s = time.perf_counter()
    answer = client.get(path)
    size = len(answer.data)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return time.perf_counter() - started_s, size


def report(client: FlaskClient, number: int) -> list[str]:
    """Return the figures of a session as lines."""
    pages = {
        "the session's page": f"/history/{number}",
        "one face": f"/history/{number}?face=1",
        "a stretch of a minute": f"/history/{number}?from={SECONDS // 2}&to={SECONDS // 2 + 60}",
        "the list": "/history",
    }
    lines = []
    for title, path in pages.items():
        times_s, sizes = zip(*(fetch(client, path) for _ in range(REPEATS)), strict=True)
        lines.append(f"{title}: {min(times_s):.2f} to {max(times_s):.2f} s, {sizes[0] / 1024:.0f} KB")
    for form in ("csv", "jsonl"):
        cpu_started_s = time.process_time()
        fetch(client, f"/history/{number}.{form}")
        rate = FACES * FPS * SECONDS / (time.process_time() - cpu_started_s)
        lines.append(f"{form}: {rate:,.0f} sightings per second of CPU time")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "history.sqlite")
        history = History(url)
        number = write_session(history)
        history.close()
        site = create_app(Settings(source="demo", database_url=url))
        try:
            print("\n".join(report(site.test_client(), number)))
        finally:
            close_site(site)
    return 0


if __name__ == "__main__":
    sys.exit(main())
