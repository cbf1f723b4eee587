"""Jobs: a few pictures at once, ZIPs and videos in the background, and nothing left behind."""

import errno
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes.files import anonymous, zip_of
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import AlwaysHappy, Gated, fake_pipeline, fake_recognizer
from tests.fakes.waiting import PATIENCE_S, until
from uploads import result_writer
from uploads.jobs import MAX_READING, MAX_WAITING, Job, Jobs
from uploads.recognizer import Recognizer
from uploads.results import Results
from uploads.worker_process import WorkerProcess
from vision.faces import COLUMNS
from vision.jpeg import encode_jpeg

JPEG = encode_jpeg(bright_image(), 95)
NOBODY = encode_jpeg(plain_image(20), 95)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "jobs")


@pytest.fixture
def jobs(results: Results) -> Iterator[Jobs]:
    jobs = Jobs(results, fake_recognizer(), fake_pipeline, 80, blur=False)
    yield jobs
    jobs.close()


@pytest.fixture
def gate() -> Gated:
    return Gated()


@pytest.fixture
def slow(results: Results, gate: Gated) -> Iterator[Jobs]:
    """Jobs whose detector waits for the test."""
    jobs = gated_jobs(results, gate, threads=1)
    yield jobs
    gate.go_on.release(1000)
    jobs.close()


def gated_jobs(results: Results, gate: Gated, threads: int, max_wait_s: float = PATIENCE_S) -> Jobs:
    recognizer = Recognizer(lambda: gate, AlwaysHappy(), 0.4, threads)
    return Jobs(results, recognizer, fake_pipeline, 80, blur=False, max_wait_s=max_wait_s)


def send(jobs: Jobs, *files: tuple[str, bytes], owner: str = "ann") -> str:
    job_id = jobs.submit(owner, [(name, anonymous(data)) for name, data in files])
    assert job_id is not None
    return job_id


def wait_for(jobs: Jobs, job_id: str) -> dict[str, Any]:
    until(lambda: jobs.find(job_id) is None)
    result = jobs.results.load(job_id)
    assert result is not None
    return result


def names_in(results: Results, job_id: str) -> set[str]:
    return {path.name for path in results.folder(job_id).iterdir()}


def test_a_few_pictures_are_read_before_submit_returns(jobs: Jobs, results: Results) -> None:
    job_id = send(jobs, ("a.jpg", JPEG), ("b.jpg", NOBODY), ("c.jpg", b"<html>"))
    result = results.load(job_id)
    assert result is not None
    assert (result["state"], result["title"]) == ("done", "a.jpg and 2 more")
    face, nobody, refused = result["items"]
    assert face["faces"][0]["emotion"] == "happy"
    assert nobody["faces"] == []
    assert refused["text"].startswith("This is not a picture")
    assert names_in(results, job_id) == {
        "about.json",
        "items.json",
        "faces.csv",
        "0.jpg",
        "0-1.jpg",
        "0-1-heat.jpg",
        "1.jpg",
    }


def test_a_zip_is_read_in_the_background(jobs: Jobs, results: Results) -> None:
    job_id = send(jobs, ("z.zip", zip_of(*((f"../{number}.jpg", JPEG) for number in range(5)))))
    result = wait_for(jobs, job_id)
    assert [item["file"] for item in result["items"]] == [f"../{number}.jpg" for number in range(5)]
    assert names_in(results, job_id) == {"about.json", "items.json", "faces.csv"} | {
        f"{number}{face}.jpg" for number in range(5) for face in ("", "-1", "-1-heat")
    }


def test_the_table_of_a_job_has_a_row_a_face_and_one_for_each_file_without(
    jobs: Jobs, results: Results
) -> None:
    job_id = send(jobs, ("=a.jpg", JPEG), ("b.jpg", NOBODY), ("c.jpg", b""))
    path = results.file(job_id, "faces.csv")
    assert path is not None
    header, *rows = path.read_text(encoding="utf-8-sig").splitlines()
    assert header == ",".join(COLUMNS)
    assert rows[0].startswith("'=a.jpg,,,1,")
    assert rows[1:] == ["b.jpg" + "," * 18 + "no face,,", "c.jpg" + "," * 18 + "The file is empty.,,"]


def test_a_job_says_how_far_it_is(slow: Jobs, gate: Gated) -> None:
    job_id = send(slow, ("z.zip", zip_of(*((f"{number}.jpg", JPEG) for number in range(30)))))
    waiting = send(slow, ("y.zip", zip_of(("a.jpg", JPEG))))
    gate.go_on.release(8)
    job = slow.find(job_id)
    assert job is not None
    until(lambda: job.status()["doing"] == "picture 8 of 30")
    assert job.status()["state"] == "running"
    assert 0.2 < job.status()["progress"] < 0.3
    other = slow.find(waiting)
    assert other is not None
    assert other.status() == {"state": "waiting", "progress": 0.0, "doing": "", "problem": ""}
    assert [one.job_id for one in slow.of_owner("ann")] == [waiting, job_id]


def test_what_was_read_when_a_job_is_cancelled_is_kept(slow: Jobs, gate: Gated) -> None:
    job_id = send(slow, ("z.zip", zip_of(*((f"{number}.jpg", JPEG) for number in range(40)))))
    assert gate.searching.acquire(timeout=PATIENCE_S)
    slow.cancel(job_id)
    gate.go_on.release(100)
    result = wait_for(slow, job_id)
    assert result["state"] == "cancelled"
    assert 1 <= len(result["items"]) < 40


def test_a_job_that_is_deleted_while_it_runs_leaves_nothing(slow: Jobs, gate: Gated, results: Results) -> None:
    job_id = send(slow, ("z.zip", zip_of(*((f"{number}.jpg", JPEG) for number in range(20)))))
    assert gate.searching.acquire(timeout=PATIENCE_S)
    slow.delete(job_id)
    gate.go_on.release(100)
    until(lambda: slow.find(job_id) is None)
    until(lambda: not results.folder(job_id).exists())


def test_a_job_that_is_cancelled_before_its_turn_is_never_read(
    slow: Jobs, gate: Gated, results: Results
) -> None:
    send(slow, ("z.zip", zip_of(("a.jpg", JPEG))))
    waiting = send(slow, ("y.zip", zip_of(("b.jpg", JPEG))))
    slow.cancel(waiting)
    job = slow.find(waiting)
    assert job is not None
    assert job.status()["state"] == "cancelled"
    gate.go_on.release(1)
    until(lambda: slow.find(waiting) is None)
    until(lambda: not results.folder(waiting).exists())


def test_when_too_many_wait_the_next_is_sent_away(slow: Jobs, gate: Gated, results: Results) -> None:
    send(slow, ("z.zip", zip_of(("a.jpg", JPEG))))
    assert gate.searching.acquire(timeout=PATIENCE_S)
    for _ in range(MAX_WAITING):
        send(slow, ("z.zip", zip_of(("a.jpg", JPEG))))
    stream = anonymous(zip_of(("a.jpg", JPEG)))
    assert slow.submit("ann", [("z.zip", stream)]) is None
    assert stream.closed
    assert len(list(results.folder("").iterdir())) == MAX_WAITING + 1


def test_when_too_many_are_read_the_next_is_sent_away(results: Results, gate: Gated) -> None:
    jobs = gated_jobs(results, gate, threads=MAX_READING, max_wait_s=0.01)
    threads = [threading.Thread(target=jobs.read, args=("a", JPEG)) for _ in range(MAX_READING)]
    for thread in threads:
        thread.start()
        assert gate.searching.acquire(timeout=PATIENCE_S)
    assert jobs.read("a", JPEG) is None
    assert jobs.submit("ann", [("a.jpg", anonymous(JPEG))]) is None
    gate.go_on.release(100)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert jobs.read("a", JPEG) is not None
    jobs.close()


def test_what_was_sent_is_gone_when_it_was_read(jobs: Jobs) -> None:
    streams = [anonymous(JPEG), anonymous(zip_of(("a.jpg", JPEG)))]
    for stream in streams:
        job_id = jobs.submit("ann", [("a", stream)])
        assert job_id is not None
        wait_for(jobs, job_id)
    until(lambda: all(stream.closed for stream in streams))


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_fails_the_job_with_a_sentence_and_leaves_nothing(
    jobs: Jobs, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_writer.ResultWriter, "_write_jpeg", full_disk)
    job_id = send(jobs, ("z.zip", zip_of(("a.jpg", JPEG))))
    job = jobs.find(job_id)
    assert job is not None
    until(lambda: job.state == "failed")
    assert job.status()["problem"] == "The results could not be kept: the disk is full or cannot be written."
    assert not results.folder(job_id).exists()
    monkeypatch.undo()
    assert wait_for(jobs, send(jobs, ("z.zip", zip_of(("a.jpg", JPEG)))))["state"] == "done"
    jobs.delete(job_id)
    assert jobs.find(job_id) is None


def test_a_full_disk_is_an_error_of_pictures_that_are_read_at_once(
    jobs: Jobs, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_writer.ResultWriter, "_write_jpeg", full_disk)
    stream = anonymous(JPEG)
    with pytest.raises(OSError, match="No space"):
        jobs.submit("ann", [("a.jpg", stream)])
    assert stream.closed
    assert list(results.folder("").iterdir()) == []


def test_a_mistake_in_one_job_does_not_stop_the_next(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(result_writer.ResultWriter, "write", stumble)
    job = jobs.find(send(jobs, ("z.zip", zip_of(("a.jpg", JPEG)))))
    assert job is not None
    until(lambda: job.state == "failed")
    assert "error in the program" in job.problem
    assert "a job failed" in caplog.text
    monkeypatch.undo()
    assert wait_for(jobs, send(jobs, ("z.zip", zip_of(("a.jpg", JPEG)))))["state"] == "done"


class Unclosable(io.BytesIO):
    """A file of which the first closing fails."""

    failed = False

    def close(self) -> None:
        if not self.failed:
            self.failed = True
            raise OSError(errno.EIO, "Input/output error")
        super().close()


class EasyWorker(WorkerProcess):
    """A worker that finds nothing, and leaves the files open."""

    def __init__(self) -> None:
        super().__init__({})

    def read(self, *_: object, **__: object) -> list[dict[str, Any]]:
        return []


def test_a_file_that_cannot_be_closed_costs_neither_the_result_nor_the_other_files(results: Results) -> None:
    jobs = Jobs(results, fake_recognizer(), fake_pipeline, 80, blur=False, worker=EasyWorker())
    files = Unclosable(zip_of(("a.jpg", JPEG))), anonymous(zip_of(("b.jpg", JPEG)))
    job_id = jobs.submit("ann", [(f"{number}.zip", file) for number, file in enumerate(files)])
    assert job_id is not None
    assert wait_for(jobs, job_id)["state"] == "unreadable"
    assert files[1].closed
    assert wait_for(jobs, send(jobs, ("z.zip", zip_of(("a.jpg", JPEG)))))
    jobs.close()


def test_a_mistake_with_pictures_that_are_read_at_once_leaves_nothing(
    jobs: Jobs, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(result_writer.ResultWriter, "write", stumble)
    stream = anonymous(JPEG)
    with pytest.raises(RuntimeError, match="a mistake"):
        jobs.submit("ann", [("a.jpg", stream)])
    assert stream.closed
    assert list(results.folder("").iterdir()) == []


def test_a_job_that_fails_after_it_was_deleted_is_forgotten(
    slow: Jobs, gate: Gated, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_writer.ResultWriter, "_write_jpeg", full_disk)
    job_id = send(slow, ("z.zip", zip_of(("a.jpg", JPEG))))
    assert gate.searching.acquire(timeout=PATIENCE_S)
    slow.delete(job_id)
    gate.go_on.release()
    until(lambda: slow.find(job_id) is None)
    assert slow.of_owner("ann") == []
    assert list(results.folder("").iterdir()) == []


class SlowToFind(dict[str, Job]):
    """Jobs of which the first that is looked for ends, if it can, before the caller gets it."""

    def __init__(self, gate: Gated) -> None:
        super().__init__()
        self.gate, self.found = gate, False

    def get(self, job_id: str, default: Any = None) -> Any:
        job = super().get(job_id, default)
        if not self.found:
            self.found = True
            self.gate.go_on.release()
            time.sleep(0.3)
        return job


def test_a_job_that_is_deleted_as_it_ends_leaves_nothing(slow: Jobs, gate: Gated, results: Results) -> None:
    slow._active = SlowToFind(gate)
    job_id = send(slow, ("z.zip", zip_of(("a.jpg", JPEG))))
    assert gate.searching.acquire(timeout=PATIENCE_S)
    slow.delete(job_id)
    until(lambda: slow.find(job_id) is None)
    until(lambda: not results.folder(job_id).exists())


def test_after_closing_nothing_is_taken(results: Results) -> None:
    jobs = Jobs(results, fake_recognizer(), fake_pipeline, 80, blur=False)
    jobs.close()
    stream = anonymous(zip_of(("a.jpg", JPEG)))
    assert jobs.submit("ann", [("z.zip", stream)]) is None
    assert stream.closed


def test_closing_drops_what_runs_and_what_waits_and_joins_the_thread(results: Results) -> None:
    before = set(threading.enumerate())
    jobs = Jobs(results, fake_recognizer(), fake_pipeline, 80, blur=False)
    for _ in range(4):
        send(jobs, ("z.zip", zip_of(*((f"{number}.jpg", JPEG) for number in range(60)))))
    assert jobs.close()
    assert set(threading.enumerate()) <= before
    unfinished = [path for path in results.folder("").iterdir() if not (path / "about.json").exists()]
    assert unfinished == []


def test_closing_does_not_wait_for_ever_for_a_picture_that_hangs(
    results: Results, gate: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    for joined in ("uploads.jobs.JOIN_S", "uploads.recognizer.JOIN_S"):
        monkeypatch.setattr(joined, 0.05)
    jobs = gated_jobs(results, gate, threads=1)
    send(jobs, ("z.zip", zip_of(("a.jpg", JPEG))))
    assert gate.searching.acquire(timeout=PATIENCE_S)
    assert not jobs.close()
    gate.go_on.release(100)
    jobs._thread.join(PATIENCE_S)
    until(jobs._recognizer.close)


def test_reading_one_picture_keeps_nothing(jobs: Jobs, results: Results) -> None:
    reading = jobs.read("a", JPEG)
    assert reading is not None
    assert len(reading.faces) == 1
    assert not results.folder("").exists()


def test_with_blur_what_is_kept_shows_no_face(results: Results) -> None:
    import cv2

    noise = np.random.default_rng(0).integers(160, 255, (96, 128, 3), dtype=np.uint8)
    jobs = Jobs(results, fake_recognizer(), fake_pipeline, 95, blur=True)
    job_id = send(jobs, ("a.jpg", encode_jpeg(noise, 95)))
    jobs.close()
    crop = cv2.imread(str(results.folder(job_id) / "0-1.jpg"), cv2.IMREAD_GRAYSCALE)
    assert crop is not None
    inner = crop[2:10, 2:10].astype(int)  # within one of the squares
    assert inner.max() - inner.min() < 12


def test_a_stream_that_is_in_memory_only_can_be_a_picture(jobs: Jobs) -> None:
    assert jobs.submit("ann", [("a.jpg", io.BytesIO(JPEG))]) is not None
