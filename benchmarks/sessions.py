"""Measure how fast a long recorded session opens and is exported: python -m benchmarks.sessions.

An hour of four faces at 30 fps with 200 markers is written; then its page, a stretch of it, the list and its
files are asked for as a browser does.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from app import create_app
from benchmarks.recording import FPS, SyntheticCamera
from recording.about import About
from recording.export import CSV_COLUMNS, add_markers, as_csv, as_json_lines, marker_records, records
from recording.history import History, Session, Sighting
from recording.markers import Marker
from server.lifetime import close_site
from settings import Settings

START_MS = 1_760_000_000_000
REPEATS = 5


def write_session(history: History, faces: int, seconds: int, markers: int) -> int:
    """Write a session of so many faces in each frame, and return its number."""
    camera, session = SyntheticCamera(faces), Session(START_MS, About("A benchmark", "", ("long",)))
    frames = [camera.tracks(0.0) for _ in range(200)]
    for second in range(seconds):
        at_ms = START_MS + 1000 * second
        rows: list[Sighting] = []
        for frame in range(FPS):
            tracks = frames[(second * FPS + frame) % len(frames)]
            rows += [(at_ms + frame * 1000 // FPS, track, 100.0) for track in tracks]
        history.write(session, rows, at_ms + 999, "benchmark")
    marks = [
        Marker(number, f"stimulus {number % 5}", START_MS + number * 1000 * seconds // markers, START_MS)
        for number in range(1, markers + 1)
    ]
    history.write(session, [], START_MS + 1000 * seconds, "benchmark", marks)
    return session.session_id or 0


def open_page(client: FlaskClient, path: str) -> str:
    """Return the fastest and the slowest time of REPEATS requests for a page, and its size, as text."""
    times_s = []
    for _ in range(REPEATS):
        started_s = time.perf_counter()
        answer = client.get(path)
        times_s.append(time.perf_counter() - started_s)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    return f"{min(times_s):.2f} to {max(times_s):.2f} s, {len(answer.data) / 1024:.0f} KB"


def export_rates(history: History, session_id: int) -> tuple[float, float]:
    """Return how many sightings are exported a second of CPU time, as CSV and as JSON Lines."""
    summary = history.session(session_id)
    if summary is None:
        raise RuntimeError("the session is not there")
    rates = []
    for form in ("csv", "lines"):
        started_s = time.process_time()
        rows = records(summary, history.sightings(session_id))
        marks = marker_records(summary, history.markers(session_id))
        parts = as_csv(add_markers(rows, marks), CSV_COLUMNS) if form == "csv" else as_json_lines(rows, marks)
        for _ in parts:
            pass
        rates.append(summary.sightings / (time.process_time() - started_s))
    return rates[0], rates[1]


def report(url: str, faces: int, seconds: int, markers: int) -> str:
    """Measure with a database, and return the figures as lines."""
    history = History(url)
    number = write_session(history, faces, seconds, markers)
    site = create_app(Settings(source="demo", database_url=url))
    client = site.test_client()
    try:
        pages = {
            "the session's page": f"/history/{number}",
            "one face": f"/history/{number}?face=1",
            "a stretch of a minute": f"/history/{number}?from={seconds // 2}&to={seconds // 2 + 60}",
            "the list": "/history",
        }
        lines = [f"{title}: {open_page(client, path)}" for title, path in pages.items()]
    finally:
        close_site(site)
    csv, json_lines = export_rates(history, number)
    history.delete(number)
    history.close()
    head = f"{history.database.name}: {seconds} s of {faces} faces at {FPS} fps, {markers} markers"
    tail = f"exported a second of CPU time: {csv:,.0f} sightings as CSV, {json_lines:,.0f} as JSON Lines"
    return "\n".join((head, *lines, tail))


def main(argv: list[str] | None = None) -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("--database-url", default="", help="as main.py's (default: a new SQLite file)")
    parser.add_argument("--faces", type=int, default=4, help="faces in each frame (default: 4)")
    parser.add_argument("--seconds", type=int, default=3600, help="length of the session (default: 3600)")
    parser.add_argument("--markers", type=int, default=200, help="event markers (default: 200)")
    args: Any = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        url = args.database_url or str(Path(folder) / "history.sqlite")
        print(report(url, args.faces, args.seconds, args.markers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
