"""Measure the cost of the pages of results with thousands of results: python -m benchmarks.results.

Results are written as the program writes them, then each page is requested twice: directly after a start, and
again. Printed are the time until the last byte, the longest pause between two parts, and the largest growth of
memory meanwhile. Needs Linux.
"""

import argparse
import hashlib
import re
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from flask.testing import FlaskClient

from app import SAMPLES
from benchmarks.cameras import QuietCamera, RandomFaces
from model import EmotionClassifier
from settings import LOOPBACK
from streaming.audience import Audience
from uploads.jobs import Jobs
from uploads.recognizer import Recognizer
from uploads.results import Results
from vision.detector import Detector
from vision.faces import face_json
from vision.pipeline import Pipeline
from vision.samples import Samples
from web.limits import UploadLimiter
from web.security import Access
from web.shown import ShownCamera
from web.site import make_site
from web.uploads import upload_pages
from web.visitors import COOKIE

VISITOR = "benchmark"
RESULTS, FACES = 5000, 200_000  # faces of all results together
PAGES = ("/pictures", "/results", "/results?page=2", "/results.csv")


def write_results(results: Results) -> None:
    """Write the results of one visitor, each of a picture with as many faces."""
    tracks = [face_json(track) for track in RandomFaces(FACES // RESULTS).tracks(0.0)]
    item = {"kind": "picture", "file": "a.jpg", "scene": "0.jpg", "crops": [], "heats": [], "faces": tracks}
    owner = hashlib.sha256(VISITOR.encode()).hexdigest()
    for number in range(RESULTS):
        job_id = results.begin()
        results.save(job_id, {"owner": owner, "title": f"{number}.jpg", "state": "done", "items": [item]})


def make_client(folder: Path) -> tuple[FlaskClient, Jobs]:
    """Return a client of a new site, as after a start, that shows the results in folder."""
    recognizer = Recognizer(lambda: cast(Detector, None), cast(EmotionClassifier, None), 0.4)
    jobs = Jobs(Results(folder), recognizer, lambda: cast(Pipeline, None), 80, blur=False)
    pages = [upload_pages(jobs, UploadLimiter(), max_upload_mb=1)]
    samples = Samples(SAMPLES, lambda: cast(Any, None))
    camera = ShownCamera(QuietCamera(), cast(Audience, None))
    site = make_site(camera, samples, Access(LOOPBACK), pages)
    client = site.test_client()
    client.set_cookie(COOKIE, VISITOR)
    return client, jobs


def memory_mb(name: str) -> float:
    """Return this process's memory now (VmRSS) or at its peak (VmHWM) in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(rf"{name}:\s+(\d+)", status)
    assert found
    return int(found[1]) / 1024


def ask(client: FlaskClient, path: str) -> str:
    """Return what one request costs, in words."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
    before_mb, started_s = memory_mb("VmRSS"), time.perf_counter()
    response = client.get(path, buffered=False)
    pauses, size, last_s = [0.0], 0, started_s
    for part in response.response:
        pauses.append(time.perf_counter() - last_s)
        size += len(part)
        last_s = time.perf_counter()
    took_ms = (time.perf_counter() - started_s) * 1000
    status = response.status_code
    response.close()
    grown_mb = memory_mb("VmHWM") - before_mb
    return (
        f"{status}, {took_ms:.0f} ms, {max(pauses) * 1000:.0f} ms to a part at most, {size / 1e6:.1f} MB sent, "
        f"memory {grown_mb:+.0f} MB"
    )


def main() -> None:
    """Ask for every page, and print what it costs."""
    argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_results(Results(Path(folder)))
        print(f"{RESULTS} results, {FACES} faces")
        for path in PAGES:
            client, jobs = make_client(Path(folder))
            for which in ("first", "next"):
                print(f"{path}, {which} request: {ask(client, path)}", flush=True)
            jobs.close()


if __name__ == "__main__":
    main()
