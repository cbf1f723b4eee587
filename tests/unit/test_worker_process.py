"""A process of its own for a job: it may crash, stand still or fill the disk, and the site goes on."""

import errno
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from settings import Settings
from tests.fakes.files import anonymous, zip_of
from tests.fakes.images import bright_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.waiting import PATIENCE_S, until
from uploads.assemble import make_readers
from uploads.jobs import Jobs
from uploads.results import Results
from uploads.worker_process import BROKEN, FACE_SETTINGS, WorkerError, WorkerProcess, worker_environment
from vision.jpeg import encode_jpeg

BEGIN = "import json, os, signal, sys, time\ntask = json.load(sys.stdin)\n"
HALF = "print(json.dumps({'progress': 0.5, 'doing': 'half'}), flush=True)\n"
COUNT_FILES = "print(json.dumps({'progress': 1.0, 'doing': '', 'items': [{'files': len(task['files'])}]}))"


class Run:
    """Runs a script in place of worker.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cancelled = threading.Event()
        self.reports: list[tuple[float, str]] = []
        self.environment = {"FER_TEST": "1"}

    def __call__(
        self, script: str, data: bytes = b"data", max_silence_s: float = PATIENCE_S
    ) -> list[dict[str, Any]]:
        command = (sys.executable, "-c", BEGIN + script)
        process = WorkerProcess(self.environment, command, max_silence_s=max_silence_s)
        with anonymous(data) as file:
            return process.read([("a.zip", file)], self.folder, self.cancelled, self.report)

    def report(self, progress: float, doing: str) -> None:
        self.reports.append((progress, doing))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_it_gets_the_files_and_reports_its_progress_and_the_items(run: Run) -> None:
    items = run(
        HALF + "read = [open(number).read() for _, number in task['files']]\n"
        "item = {'names': [name for name, _ in task['files']], 'read': read, 'set': os.environ['FER_TEST']}\n"
        "print(json.dumps({'progress': 1.0, 'doing': '', 'items': [item]}))"
    )
    assert items == [{"names": ["a.zip"], "read": ["data"], "set": "1"}]
    assert run.reports == [(0.5, "half"), (1.0, "")]


@pytest.mark.parametrize("whole", [False, True])
def test_it_is_told_whether_whole_pictures_are_faces(tmp_path: Path, whole: bool) -> None:
    script = "print(json.dumps({'progress': 1.0, 'doing': '', 'items': [{'whole': task['whole']}]}))"
    process = WorkerProcess({}, (sys.executable, "-c", BEGIN + script))
    items = process.read([], tmp_path, threading.Event(), lambda *_: None, whole=whole)
    assert items == [{"whole": whole}]


@pytest.mark.parametrize(
    "script",
    ["os.kill(os.getpid(), signal.SIGSEGV)", "sys.exit(1)", HALF + "os.abort()", "pass"],
    ids=["crashes", "fails", "aborts", "finds nothing"],
)
def test_a_process_that_breaks_is_an_error_of_its_job(run: Run, script: str) -> None:
    with pytest.raises(WorkerError):
        run(script)


PICKY = """
data = [open(number, 'rb').read() for _, number in task['files']]
table = open(task['folder'] + '/faces.csv', 'a')
if b'bad' in data:
    print('begun', file=table, flush=True)
    open(task['folder'] + '/0.jpg', 'w').close()
    os.kill(os.getpid(), signal.SIGSEGV)
print('row', file=table, flush=True)
items = [{'file': name, 'first': task['first']} for name, _ in task['files']]
print(json.dumps({'progress': 1.0, 'doing': '', 'items': items}))
"""


def test_a_file_that_brings_the_process_down_costs_that_file_only(run: Run) -> None:
    command = (sys.executable, "-c", BEGIN + PICKY)
    with ExitStack() as stack:
        files = [
            (f"{number}.mp4", stack.enter_context(anonymous(data)))
            for number, data in enumerate((b"good", b"bad", b"good", b"bad"))
        ]
        process = WorkerProcess(run.environment, command, max_silence_s=PATIENCE_S)
        items = process.read(files, run.folder, run.cancelled, run.report)
    assert items == [
        {"file": "0.mp4", "first": 0},
        {"kind": "remark", "file": "1.mp4", "text": BROKEN, "is_problem": True},
        {"file": "2.mp4", "first": 2},
        {"kind": "remark", "file": "3.mp4", "text": BROKEN, "is_problem": True},
    ]
    assert [progress for progress, _ in run.reports] == [0.25, 0.75]
    rows = (run.folder / "faces.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows if "mp4" in row] == ["1.mp4", "3.mp4"]
    assert rows.count("row") == 2


def test_a_process_that_stands_still_is_killed(run: Run) -> None:
    script = f"open({str(run.folder / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(WorkerError, match="silent for too long"):
        run(script, max_silence_s=0.3)
    if (run.folder / "pid").exists():  # it may have been killed before it began
        with pytest.raises(ProcessLookupError):
            os.kill(int((run.folder / "pid").read_text()), 0)


@pytest.mark.parametrize(
    "line",
    ["libx: a warning", "{}", "[]", '{"progress": null, "doing": ""}', '{"progress": "x", "doing": ""}'],
)
def test_a_process_that_prints_something_else_than_reports_is_an_error_of_its_job(run: Run, line: str) -> None:
    with pytest.raises(WorkerError, match="no report"):
        run(f"print({line!r}, flush=True)")


def test_a_process_that_closes_its_output_and_does_not_end_is_killed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.worker_process.END_S", 0.2)
    with pytest.raises(WorkerError, match="did not end"):
        run("os.close(1); time.sleep(60)")


def test_a_process_that_cannot_be_started_is_not_taken_for_a_full_disk(run: Run) -> None:
    process = WorkerProcess({}, (str(run.folder / "none"),))
    with anonymous(b"data") as file, pytest.raises(WorkerError, match="cannot be started: No such file"):
        process.read([("a.zip", file)], run.folder, run.cancelled, run.report)


def test_it_runs_beside_more_than_a_thousand_open_files(run: Run) -> None:
    resource = pytest.importorskip("resource")  # of POSIX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this system allows fewer open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while (number := os.open(os.devnull, os.O_RDONLY)) < 1100:
            stack.callback(os.close, number)
        stack.callback(os.close, number)
        assert run(COUNT_FILES) == [{"files": 1}]


def test_no_secret_and_nothing_that_is_not_needed_reaches_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(
        auth="ann:s3cret",
        token="s3cret",
        database_url="postgresql://ann:s3cret@host/name",
        redis_url="redis://:s3cret@host",
        min_face_px=33,
        blur=True,
    )
    for name in ("FER_AUTH", "FER_TOKEN", "FER_DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run.environment = worker_environment(settings)
    [environment] = run("print(json.dumps({'progress': 1.0, 'doing': '', 'items': [dict(os.environ)]}))")
    assert "s3cret" not in json.dumps(environment)
    assert (environment["FER_MIN_FACE_PX"], environment["FER_BLUR"]) == ("33", "True")
    assert environment["TMPDIR"] == str(tmp_path)
    assert "PATH" in environment
    ours = {name for name in environment if name.startswith("FER_")}
    assert ours == {f"FER_{name.upper()}" for name in FACE_SETTINGS}


def test_it_gets_every_setting_that_its_parts_ask_for(random_weights: Path) -> None:
    asked: set[str] = set()
    names = {item.name for item in fields(Settings)}

    class WatchedSettings(Settings):
        def __getattribute__(self, name: str) -> Any:
            if name in names:
                asked.add(name)
            return super().__getattribute__(name)

    settings = WatchedSettings(weights=str(random_weights))
    asked.clear()  # of what its own checks ask for
    recognizer, make_pipeline = make_readers(settings)
    recognizer.close()
    make_pipeline().close()
    assert asked <= set(FACE_SETTINGS)
    assert {"jpeg_quality", "blur"} <= set(FACE_SETTINGS)  # which worker.py itself asks for


def test_a_process_without_memory_is_an_error_of_its_own(run: Run) -> None:
    with pytest.raises(MemoryError):
        run("sys.exit(4)")


READ = """
from pathlib import Path
import threading
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from uploads.analysis import InputFile
from uploads.result_writer import ResultWriter
from uploads.worker import limit_memory
files = [InputFile.of_stream(name, os.fdopen(number, "rb")) for name, number in task["files"]]
recognizer = fake_recognizer()
limit_memory(150_000_000)
writer = ResultWriter(Path(task["folder"]), 80, blur=False)
items = writer.read(files, recognizer, fake_pipeline, threading.Event(), lambda *_: None)
recognizer.close()
print(json.dumps({"progress": 1.0, "doing": "", "items": items}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")
def test_a_file_that_needs_too_much_memory_costs_that_file_only(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("1", (9000, 5500)).save(file, "PNG")  # a few kB; 250 MB with its transparency
    huge, small = file.getvalue(), encode_jpeg(bright_image(), 90)
    zipped = zip_of(("huge.png", huge), ("in.jpg", small))
    process = WorkerProcess(worker_environment(Settings()), (sys.executable, "-c", BEGIN + READ))
    files = [("a.jpg", small), ("huge.png", huge), ("b.jpg", small), ("z.zip", zipped)]
    with ExitStack() as stack:
        streams = [(name, stack.enter_context(anonymous(data))) for name, data in files]
        items = process.read(streams, tmp_path, threading.Event(), lambda *_: None)
    sentence = "The file needs more memory than is available."
    assert [(item["file"], item.get("text")) for item in items] == [
        ("a.jpg", None),
        ("huge.png", sentence),
        ("b.jpg", None),
        ("huge.png", sentence),
        ("in.jpg", None),
    ]


DETECT = """
import numpy as np
from settings import Settings
from uploads.worker import limit_memory
from vision.background import limit_threads
from vision.detectors import Detectors
limit_threads()
detector, errors = Detectors.load(Settings()).picture(), 0
small, large = np.full((200, 200, 3), 90, np.uint8), np.full((1200, 1600, 3), 90, np.uint8)
detector.detect(small)
limit_memory(30_000_000)
try: detector.detect(large)
except MemoryError: errors += 1
detector.detect(small)
print(json.dumps({"progress": 1.0, "doing": "", "items": [{"errors": errors}]}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")
def test_a_detector_that_gets_no_memory_raises_the_error_that_costs_one_file_only(run: Run) -> None:
    assert run(DETECT) == [{"errors": 1}]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")
def test_the_limit_holds_for_what_the_process_starts_and_cannot_be_raised(run: Run) -> None:
    run.environment = worker_environment(Settings())
    [errors] = run(
        "import resource, subprocess\nfrom uploads.worker import limit_memory\n"
        "limit_memory(100_000_000)\nerrors = {'memory': 0, 'limit': 0}\n"
        "try: bytearray(200_000_000)\nexcept MemoryError: errors['memory'] = 1\n"
        "try: resource.setrlimit(resource.RLIMIT_DATA, (10**12, 10**12))\n"
        "except (ValueError, PermissionError): errors['limit'] = 1\n"
        "hungry = [sys.executable, '-c', 'bytearray(2_000_000_000)']\n"
        "errors['child'] = subprocess.run(hungry, stderr=subprocess.DEVNULL).returncode\n"
        "print(json.dumps({'progress': 1.0, 'doing': '', 'items': [errors]}))"
    )
    assert errors["memory"]
    assert errors["child"] == 1
    assert errors["limit"] or os.geteuid() == 0  # root may raise every limit


def test_a_thousand_long_names_reach_it(run: Run) -> None:
    command = (sys.executable, "-c", f"import time\ntime.sleep(0.3)\n{BEGIN}{COUNT_FILES}")
    process = WorkerProcess({}, command, max_silence_s=PATIENCE_S)
    with anonymous(b"data") as file:
        items = process.read([("猫" * 200, file)] * 1000, run.folder, run.cancelled, run.report)
    assert items == [{"files": 1000}]


def test_a_full_disk_is_an_error_with_its_number(run: Run) -> None:
    with pytest.raises(OSError, match="disk is full") as error:
        run(f"print(json.dumps({{'progress': 0, 'doing': '', 'errno': {errno.ENOSPC}}})); sys.exit(3)")
    assert error.value.errno == errno.ENOSPC


def test_when_cancelled_it_is_asked_to_come_to_an_end(run: Run) -> None:
    run.report = lambda *_: run.cancelled.set()  # type: ignore[method-assign]
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
    job_id = jobs.submit("ann", [("z.zip", anonymous(zip_of(("a.jpg", b"1"))))])
    assert job_id is not None
    job = jobs.find(job_id)
    assert job is not None
    until(lambda: job.state == "failed")
    assert job.problem == "This could not be read: it made the reading process crash or hang."
    assert not (tmp_path / "jobs" / job_id).exists()
    jobs.close()


def test_a_job_that_needs_too_much_memory_says_so(tmp_path: Path) -> None:
    hungry = WorkerProcess({}, (sys.executable, "-c", "import sys; sys.exit(4)"))
    jobs = Jobs(Results(tmp_path / "jobs"), fake_recognizer(), fake_pipeline, 80, False, hungry)
    job_id = jobs.submit("ann", [("z.zip", anonymous(zip_of(("a.jpg", b"1"))))])
    assert job_id is not None
    job = jobs.find(job_id)
    assert job is not None
    until(lambda: job.state == "failed")
    assert job.problem == "This could not be read: it needs more memory than an upload may use."
    jobs.close()


def test_closing_kills_the_process(tmp_path: Path) -> None:
    still = WorkerProcess({}, (sys.executable, "-c", "import time; time.sleep(60)"))
    jobs = Jobs(Results(tmp_path / "jobs"), fake_recognizer(), fake_pipeline, 80, False, still)
    jobs.submit("ann", [("z.zip", anonymous(zip_of(("a.jpg", b"1"))))])
    before = set(threading.enumerate())
    jobs.close()
    assert "jobs" in {thread.name for thread in before - set(threading.enumerate())}
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.server
def test_the_real_worker_reads_a_zip_beside_the_site(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    process = WorkerProcess(worker_environment(Settings()), max_silence_s=4 * PATIENCE_S)
    reports: list[tuple[float, str]] = []
    report: Callable[[float, str], None] = lambda *args: reports.append(args)  # noqa: E731
    data = zip_of(
        *((f"{number}.jpg", encode_jpeg(bright_image(), 90)) for number in range(3)), ("b", b"<html>")
    )
    with anonymous(data) as file:
        items = process.read([("a.zip", file)], tmp_path, threading.Event(), report)
    assert [item["kind"] for item in items] == ["picture", "picture", "picture", "remark"]
    assert {path.name for path in tmp_path.iterdir()} == {"faces.csv", "0.jpg", "1.jpg", "2.jpg"}
    assert reports[-1][0] == 1.0
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert json.dumps(items)
    assert [item["faces"] for item in items[:3]] == [[], [], []]
    with anonymous(data) as file:
        items = process.read([("a.zip", file)], tmp_path, threading.Event(), report, whole=True)
    assert [len(item["faces"]) for item in items[:3]] == [1, 1, 1]
