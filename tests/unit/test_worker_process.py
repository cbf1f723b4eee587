"""A process of its own for a job: it may crash, stand still or fill the disk, and the site goes on."""

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.files import anonymous, zip_of
from tests.fakes.images import bright_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.waiting import PATIENCE_S, until
from uploads import worker_process
from uploads.jobs import Jobs
from uploads.results import Results
from uploads.worker_process import WorkerError, WorkerProcess
from vision.jpeg import encode_jpeg

BEGIN = "import json, os, signal, sys, time\ntask = json.load(sys.stdin)\n"
HALF = "print(json.dumps({'progress': 0.5, 'doing': 'half'}), flush=True)\n"


class Run:
    """Runs a script in place of reader.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cancelled = threading.Event()
        self.told: list[tuple[float, str]] = []

    def __call__(self, script: str, data: bytes = b"data") -> list[dict[str, Any]]:
        process = WorkerProcess({"FER_TEST": "1"}, (sys.executable, "-c", BEGIN + script))
        with anonymous(data) as file:
            return process.read([("a.zip", file)], self.folder, self.cancelled, self.tell)

    def tell(self, progress: float, doing: str) -> None:
        self.told.append((progress, doing))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_it_gets_the_files_and_tells_how_far_it_is_and_what_it_found(run: Run) -> None:
    items = run(
        HALF + "read = [open(number).read() for _, number in task['files']]\n"
        "told = {'names': [name for name, _ in task['files']], 'read': read, 'set': os.environ['FER_TEST']}\n"
        "print(json.dumps({'progress': 1.0, 'doing': '', 'items': [told]}))"
    )
    assert items == [{"names": ["a.zip"], "read": ["data"], "set": "1"}]
    assert run.told == [(0.5, "half"), (1.0, "")]


@pytest.mark.parametrize(
    "script",
    ["os.kill(os.getpid(), signal.SIGSEGV)", "sys.exit(1)", HALF + "os.abort()", "pass"],
    ids=["crashes", "fails", "aborts", "finds nothing"],
)
def test_a_process_that_breaks_is_an_error_of_its_job(run: Run, script: str) -> None:
    with pytest.raises(WorkerError):
        run(script)


def test_a_process_that_stands_still_is_killed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "SILENCE_S", 0.3)
    with pytest.raises(WorkerError, match="nothing for too long"):
        run(f"open({str(run.folder / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    if (run.folder / "pid").exists():  # it may have been killed before it began
        with pytest.raises(ProcessLookupError):
            os.kill(int((run.folder / "pid").read_text()), 0)


def test_a_full_disk_is_told(run: Run) -> None:
    with pytest.raises(OSError, match="disk is full") as error:
        run(f"print(json.dumps({{'progress': 0, 'doing': '', 'errno': {errno.ENOSPC}}})); sys.exit(3)")
    assert error.value.errno == errno.ENOSPC


def test_when_cancelled_it_is_asked_to_come_to_an_end(run: Run) -> None:
    run.tell = lambda *_: run.cancelled.set()  # type: ignore[method-assign]
    items = run(
        f"stop = []\nsignal.signal(signal.SIGTERM, lambda *_: stop.append(1))\n{HALF}"
        "while not stop: time.sleep(0.01)\n"
        "print(json.dumps({'progress': 1.0, 'doing': '', 'items': [{'so': 'far'}]}))"
    )
    assert items == [{"so": "far"}]


def test_when_cancelled_before_it_began_nothing_was_read(run: Run) -> None:
    run.cancelled.set()
    assert run("time.sleep(60)") == []


def test_a_job_whose_process_crashes_says_so_and_the_next_is_read(tmp_path: Path) -> None:
    crash = WorkerProcess({}, (sys.executable, "-c", "import os; os.abort()"))
    jobs = Jobs(Results(tmp_path / "jobs"), fake_recognizer(), fake_pipeline, 80, False, crash)
    job_id = jobs.take("ann", [("z.zip", anonymous(zip_of(("a.jpg", b"1"))))])
    assert job_id is not None
    job = jobs.find(job_id)
    assert job is not None
    until(lambda: job.state == "failed")
    assert job.problem == "This could not be read: it brought its reader down, or to a standstill."
    assert not (tmp_path / "jobs" / job_id).exists()
    jobs.close()


def test_closing_kills_the_process(tmp_path: Path) -> None:
    still = WorkerProcess({}, (sys.executable, "-c", "import time; time.sleep(60)"))
    jobs = Jobs(Results(tmp_path / "jobs"), fake_recognizer(), fake_pipeline, 80, False, still)
    jobs.take("ann", [("z.zip", anonymous(zip_of(("a.jpg", b"1"))))])
    before = set(threading.enumerate())
    jobs.close()
    assert "jobs" in {thread.name for thread in before - set(threading.enumerate())}
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.server
def test_the_real_reader_reads_a_zip_beside_the_site(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_process, "SILENCE_S", 4 * PATIENCE_S)
    process = WorkerProcess({})
    told: list[tuple[float, str]] = []
    tell: Callable[[float, str], None] = lambda *said: told.append(said)  # noqa: E731
    data = zip_of(
        *((f"{number}.jpg", encode_jpeg(bright_image(), 90)) for number in range(3)), ("b", b"<html>")
    )
    with anonymous(data) as file:
        items = process.read([("a.zip", file)], tmp_path, threading.Event(), tell)
    assert [item["kind"] for item in items] == ["picture", "picture", "picture", "remark"]
    assert {path.name for path in tmp_path.iterdir()} == {"faces.csv", "0.jpg", "1.jpg", "2.jpg"}
    assert told[-1][0] == 1.0
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert json.dumps(items)
