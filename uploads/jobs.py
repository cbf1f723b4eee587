"""Reads what visitors send: a few pictures at once, ZIPs and videos one after the other in the background."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from uploads.analysis import Sent
from uploads.pictures import tidy
from uploads.recognizer import File, Reading, Recognizer
from uploads.result_writer import ResultWriter, title_of, was_read
from uploads.results import Results
from uploads.worker_process import WorkerError, WorkerProcess
from vision.pipeline import Pipeline

MAX_AT_ONCE = 12  # pictures that are read while their sender waits; more become a job
MAX_WAITING = 8  # jobs
MAX_READING = 2  # requests
MAX_FAILED = 50  # jobs that are remembered
PATIENCE_S = 10.0  # of a request, until it is told to come back
SWEEP_S = 600.0
JOIN_S = 20.0
LOST = "The results could not be kept: the disk is full, or cannot be written."
BROKEN = "This could not be read: it brought its reader down, or to a standstill."
MISTAKE = "This could not be read because of a mistake in the program; its log says more."

log = logging.getLogger(__name__)


@dataclass
class Job:
    """A job that waits, runs or failed; what a job gave that ended is in Results."""

    job_id: str
    owner: str
    title: str
    sent: Sequence[Sent] = field(repr=False)
    state: str = "waiting"  # then "running", and "failed" if it did
    problem: str = ""
    progress: float = 0.0  # to 1
    doing: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    unwanted: bool = False  # its results are deleted as soon as it has stopped

    def told(self) -> dict[str, Any]:
        """Return how far it is, as the JSON of its page."""
        stopped = self.state == "waiting" and self.cancelled.is_set()
        return {
            "state": "cancelled" if stopped else self.state,
            "progress": round(self.progress, 4),
            "doing": self.doing,
            "problem": self.problem,
        }

    def tell(self, progress: float, doing: str) -> None:
        self.progress, self.doing = progress, doing

    def discard(self) -> None:
        """Close what was sent, which deletes it: it has no name on the disk."""
        for one in self.sent:
            one.open().close()
        self.sent = ()


class Jobs:
    """Takes files and keeps what was read in them. Close it: what is under way is dropped then."""

    def __init__(
        self,
        results: Results,
        recognizer: Recognizer,
        make_pipeline: Callable[[], Pipeline],
        jpeg_quality: int,
        blur: bool,
        apart: WorkerProcess | None = None,
    ) -> None:
        """With blur, faces in the pictures and videos that are kept are hidden.

        What is read in the background is read apart, in a process of its own; without one, in a thread.
        """
        self.results = results
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._jpeg_quality = jpeg_quality
        self._blur = blur
        self._apart = apart
        self._active: dict[str, Job] = {}
        self._waiting: queue.Queue[Job | None] = queue.Queue(MAX_WAITING)
        self._reading = threading.BoundedSemaphore(MAX_READING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def take(self, owner: str, files: Sequence[tuple[str, IO[bytes]]]) -> str | None:
        """Read the files, or have them read, and return the job's id; None if too much waits already.

        A few pictures are done when this returns. The files are closed sooner or later. Raises OSError
        if nothing can be kept.
        """
        sent = [Sent.of_stream(name, stream) for name, stream in files]
        job = Job("", owner, title_of([tidy(one.name) for one in sent]), sent)
        at_once = len(sent) <= MAX_AT_ONCE and all(one.kind == "picture" for one in sent)
        try:
            taken = self._run_now(job) if at_once else self._run_later(job)
        except OSError:
            self._drop(job)
            raise
        if not taken:
            self._drop(job)
        return job.job_id if taken else None

    def read(self, name: str, data: bytes) -> Reading | None:
        """Return what is in one picture, which is kept nowhere; None if too many are being read."""
        if not self._reading.acquire(timeout=PATIENCE_S):
            return None
        try:
            [reading] = self._recognizer.read([File(name, data)])
            return reading
        finally:
            self._reading.release()

    def find(self, job_id: str) -> Job | None:
        """Return a job that waits, runs or failed; None for any other."""
        return self._active.get(job_id)

    def of_owner(self, owner: str) -> list[Job]:
        """Return an owner's jobs that wait, run or failed, the newest first."""
        return [job for job in reversed(list(self._active.values())) if job.owner == owner]

    def cancel(self, job_id: str) -> None:
        """Have a job stop after the picture it is at; what it has read is kept."""
        if job := self._active.get(job_id):
            job.cancelled.set()

    def delete(self, job_id: str) -> None:
        """Delete what a job gave; one that waits or runs is stopped by its own thread first."""
        job = self._active.get(job_id)
        if job and job.state != "failed":
            job.unwanted = True
            job.cancelled.set()
        elif job:
            self._drop(job)
        else:
            self.results.delete(job_id)

    def close(self) -> None:
        """Stop what runs, drop what waits, join the thread."""
        self._closing.set()
        if self._apart:
            self._apart.close()
        for job in list(self._active.values()):
            job.cancelled.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(JOIN_S)
        for job in list(self._active.values()):
            self._drop(job)
        self._recognizer.close()

    def _run_now(self, job: Job) -> bool:
        if not self._reading.acquire(timeout=PATIENCE_S):
            return False
        try:
            job.job_id = self.results.begin()
            self._run(job)
        finally:
            self._reading.release()
        return True

    def _run_later(self, job: Job) -> bool:
        if self._closing.is_set() or self._waiting.full():
            return False
        job.job_id = self.results.begin()
        self._active[job.job_id] = job
        try:
            self._waiting.put_nowait(job)
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        while not self._closing.is_set():
            with suppress(OSError):
                self.results.sweep(frozenset(self._active))
            try:
                job = self._waiting.get(timeout=SWEEP_S)
            except queue.Empty:
                continue
            if job and not self._closing.is_set():
                self._run_in_background(job)

    def _run_in_background(self, job: Job) -> None:
        if job.cancelled.is_set():
            self._drop(job)
            return
        job.state = "running"
        job.tell(0.0, "Getting ready …")
        try:
            self._run(job, self._apart)
        except WorkerError as error:
            log.warning("a job failed", extra={"reason": str(error)})
            self._fail(job, BROKEN)
        except OSError as error:
            log.warning("a job's results could not be kept", extra={"reason": error.strerror})
            self._fail(job, LOST)
        except Exception:  # this thread is for all jobs
            log.exception("a job failed")
            self._fail(job, MISTAKE)
        else:
            self._active.pop(job.job_id, None)
            if job.unwanted or self._closing.is_set():
                self._drop(job)

    def _run(self, job: Job, apart: WorkerProcess | None = None) -> None:
        """Read what was sent and keep what was read; raises OSError, and WorkerError from apart."""
        folder = self.results.place(job.job_id)
        if apart:
            files = [(one.name, one.open()) for one in job.sent]
            items = apart.read(files, folder, job.cancelled, job.tell)
        else:
            keeper = ResultWriter(folder, self._jpeg_quality, self._blur)
            items = keeper.read(job.sent, self._recognizer, self._make_pipeline, job.cancelled, job.tell)
        state = "cancelled" if job.cancelled.is_set() else "done" if was_read(items) else "unreadable"
        self.results.save(job.job_id, {"owner": job.owner, "title": job.title, "state": state, "items": items})
        job.discard()

    def _fail(self, job: Job, problem: str) -> None:
        self.results.delete(job.job_id)
        job.discard()
        job.state, job.problem = "failed", problem
        failed = [one for one in self._active.values() if one.state == "failed"]
        for one in failed[:-MAX_FAILED]:
            self._drop(one)

    def _drop(self, job: Job) -> None:
        """Leave nothing of a job behind."""
        self._active.pop(job.job_id, None)
        if job.job_id:
            self.results.delete(job.job_id)
        job.discard()
