"""Runs the uploads of visitors: a few pictures at once, others one after the other in the background."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from texts import clean_file_name
from uploads.analysis import InputFile
from uploads.recognizer import File, Reading, Recognizer
from uploads.rereading import read_as_face
from uploads.result_writer import ResultWriter, title_of, was_read
from uploads.results import Results
from uploads.worker_process import BROKEN, WorkerError, WorkerProcess
from vision.pipeline import Pipeline

MAX_AT_ONCE = 12  # pictures that are read while their sender waits; more become a job
MAX_WAITING = 8  # jobs
MAX_READING = 2  # requests
MAX_FAILED = 50  # jobs that are remembered
MAX_WAIT_S = 10.0  # of a request for its turn
SWEEP_S = 600.0
JOIN_S = 2.0  # gunicorn gives all parts of the program some seconds, and the recorder needs them
LOST = "The results could not be kept: the disk is full or cannot be written."
TOO_LARGE = "This could not be read: it needs more memory than an upload may use."
MISTAKE = "This could not be read because of an error in the program; the log has the details."

log = logging.getLogger(__name__)


@dataclass
class Job:
    """A job that waits, runs or failed; the result of one that has ended is in Results."""

    job_id: str
    owner: str
    title: str
    files: Sequence[InputFile] = field(repr=False)
    whole: bool = False  # each whole picture is a face
    state: str = "waiting"  # then "running", and "failed" if it did
    problem: str = ""
    progress: float = 0.0  # to 1
    doing: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    unwanted: bool = False  # its results are deleted as soon as it has stopped

    def status(self) -> dict[str, Any]:
        """Return its state, progress, phrase and problem, as the JSON of its page."""
        stopped = self.state == "waiting" and self.cancelled.is_set()
        return {
            "state": "cancelled" if stopped else self.state,
            "progress": round(self.progress, 4),
            "doing": self.doing,
            "problem": self.problem,
        }

    def report_progress(self, progress: float, doing: str) -> None:
        """Set the progress, 0 to 1, and a phrase for people."""
        self.progress, self.doing = progress, doing

    def discard(self) -> None:
        """Close its files, which deletes them: they have no name on the disk. Raises nothing."""
        files, self.files = self.files, ()
        for file in files:
            with suppress(OSError):  # of one file, and the others are to be closed all the same
                file.open().close()


class Jobs:
    """Reads files into Results. Close it: jobs under way are dropped then."""

    def __init__(
        self,
        results: Results,
        recognizer: Recognizer,
        make_pipeline: Callable[[], Pipeline],
        jpeg_quality: int,
        blur: bool,
        worker: WorkerProcess | None = None,
        *,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        """With blur, faces in the pictures and videos of the results are hidden.

        Jobs in the background are read by the worker, in a process of its own; without one, in a thread.
        A request waits up to max_wait_s for its turn.
        """
        self.results = results
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._jpeg_quality = jpeg_quality
        self._blur = blur
        self._worker = worker
        self._max_wait_s = max_wait_s
        self._lock = threading.Lock()  # held while a job begins or ends, or is deleted
        self._active: dict[str, Job] = {}
        self._waiting: queue.Queue[Job | None] = queue.Queue(MAX_WAITING)
        self._reading = threading.BoundedSemaphore(MAX_READING)
        self._rereading = threading.Lock()  # two changes of one result must not undo each other
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def submit(self, owner: str, files: Sequence[tuple[str, IO[bytes]]], *, whole: bool = False) -> str | None:
        """Read the files, or queue them, and return the job's id; None if too many jobs wait already.

        With whole each whole picture is a face, as in `Recognizer.read`. A few pictures are read when this
        returns. The files are closed sooner or later. Raises OSError if no result can be written.
        """
        inputs = [InputFile.of_stream(name, stream) for name, stream in files]
        job = Job("", owner, title_of([clean_file_name(file.name) for file in inputs]), inputs, whole)
        at_once = len(inputs) <= MAX_AT_ONCE and all(file.kind == "picture" for file in inputs)
        try:
            accepted = self._run_now(job) if at_once else self._run_later(job)
        except Exception:
            self._drop(job)
            raise
        if not accepted:
            self._drop(job)
        return job.job_id if accepted else None

    def read(
        self, name: str, data: bytes, *, whole: bool = False, rest: Sequence[bytes] = ()
    ) -> Reading | None:
        """Return the reading of one picture, which is not kept; None if too many are being read.

        With whole the whole picture is a face. Its faces are read against the one in the pictures of rest, if
        there are any; RestError if none of them has a face.
        """
        if not self._reading.acquire(timeout=self._max_wait_s):
            return None
        try:
            at_rest = self._recognizer.read_rest(File("", one) for one in rest) if rest else None
            [reading] = self._recognizer.read([File(name, data)], whole=whole, rest=at_rest)
            return reading
        finally:
            self._reading.release()

    def read_as_face(self, job_id: str, number: int) -> bool | None:
        """Read the picture of that number in a result as one face, as `rereading.read_as_face` does.

        Return whether there is such a picture; None if too many are being read. Raises PictureError, OSError.
        """
        if not self._reading.acquire(timeout=self._max_wait_s):
            return None
        try:
            with self._rereading:
                writer = self._writer(self.results.folder(job_id))
                return read_as_face(self.results, job_id, number, self._recognizer, writer)
        finally:
            self._reading.release()

    def find(self, job_id: str) -> Job | None:
        """Return a job that waits, runs or failed; None for any other."""
        return self._active.get(job_id)

    def of_owner(self, owner: str) -> list[Job]:
        """Return an owner's jobs that wait, run or failed, the newest first."""
        return [job for job in reversed(list(self._active.values())) if job.owner == owner]

    def cancel(self, job_id: str) -> None:
        """Have a job stop after the picture or frame it is at; the results until then are kept."""
        if job := self._active.get(job_id):
            job.cancelled.set()

    def delete(self, job_id: str) -> None:
        """Delete a job's results; one that waits or runs is stopped by its own thread first."""
        with self._lock:
            job = self._active.get(job_id)
            if job and job.state != "failed":
                job.unwanted = True
                job.cancelled.set()
                return
        if job:
            self._drop(job)
        else:
            self.results.delete(job_id)

    def close(self) -> bool:
        """Stop the job that runs, drop those that wait, and join the threads; False if one does not end."""
        with self._lock:
            self._closing.set()
        if self._worker:
            self._worker.close()
        for job in list(self._active.values()):
            job.cancelled.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(JOIN_S)
        for job in list(self._active.values()):
            self._drop(job)
        return self._recognizer.close() and not self._thread.is_alive()

    def _run_now(self, job: Job) -> bool:
        if not self._reading.acquire(timeout=self._max_wait_s):
            return False
        try:
            job.job_id = self.results.begin()
            self._run(job)
        finally:
            self._reading.release()
        return True

    def _run_later(self, job: Job) -> bool:
        with self._lock:
            if self._closing.is_set() or self._waiting.full():
                return False
            job.job_id = self.results.begin()
            self._active[job.job_id] = job
            self._waiting.put_nowait(job)
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
        job.report_progress(0.0, "Getting ready …")
        problem = self._try_to_run(job)
        if problem:
            self.results.delete(job.job_id)
        job.discard()
        with self._lock:
            unwanted = job.unwanted or self._closing.is_set()
            if problem:
                job.state, job.problem = "failed", problem
            else:
                self._active.pop(job.job_id, None)
        if unwanted:
            self._drop(job)
        failed = [one for one in self._active.values() if one.state == "failed"]
        for one in failed[:-MAX_FAILED]:
            self._drop(one)

    def _try_to_run(self, job: Job) -> str:
        """Run a job in the thread for all of them; return "", or the problem in one sentence."""
        try:
            self._run(job, self._worker)
        except WorkerError as error:
            log.warning("a job failed", extra={"reason": str(error)})
            return BROKEN
        except MemoryError:
            log.warning("a job needs too much memory")
            return TOO_LARGE
        except OSError as error:
            log.warning("a job's results could not be kept", extra={"reason": error.strerror})
            return LOST
        except Exception:
            log.exception("a job failed")
            return MISTAKE
        return ""

    def _run(self, job: Job, worker: WorkerProcess | None = None) -> None:
        """Read a job's files and save the result; raises OSError, and the errors of `WorkerProcess.read`."""
        folder = self.results.folder(job.job_id)
        if worker:
            files = [(file.name, file.open()) for file in job.files]
            items = worker.read(files, folder, job.cancelled, job.report_progress, whole=job.whole)
        else:
            writer = self._writer(folder)
            readers = self._recognizer, self._make_pipeline
            items = writer.read(job.files, *readers, job.cancelled, job.report_progress, whole=job.whole)
        state = "cancelled" if job.cancelled.is_set() else "done" if was_read(items) else "unreadable"
        self.results.save(job.job_id, {"owner": job.owner, "title": job.title, "state": state, "items": items})
        job.discard()

    def _writer(self, folder: Path) -> ResultWriter:
        """Return the writer of results into a folder."""
        return ResultWriter(folder, self._jpeg_quality, self._blur)

    def _drop(self, job: Job) -> None:
        """Delete everything of a job."""
        self._active.pop(job.job_id, None)
        if job.job_id:
            self.results.delete(job.job_id)
        job.discard()
