"""Reads a job's files in a process of its own: its load and its crashes do not reach the live stream."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from settings import PREFIX, ROOT, Settings
from texts import clean_file_name
from uploads.results import append_remark

log = logging.getLogger(__name__)

BROKEN = "This could not be read: it made the reading process crash or hang."
MAX_SILENCE_S = 300.0  # of a process that works; being nice, it takes minutes to start beside busy ones
END_S = 20.0
TICK_S = 0.2  # how often a thread that waits for a report looks whether it is cancelled or closed
EXIT_DISK_FULL, EXIT_OUT_OF_MEMORY = 3, 4  # codes with which worker.py ends
# nice from the first import on: where somebody watches live, that goes first
COMMAND = ("nice", "-n", "10", sys.executable, "-m", "uploads.worker")
# The process decodes the files of strangers. It gets no secret that a broken decoder could give away: of the
# settings those that concern faces, of the other variables those without which programs are not found or run
# otherwise: where programs, libraries, packages of one user and temporary files are, and how text is encoded.
FACE_SETTINGS = (
    *("weights", "network", "classes", "normalisation", "input_side_px", "device", "engine"),
    *("detector", "cascade", "min_face_px", "min_upload_face_px"),
    *("smoothing_s", "unsure_below", "blur", "jpeg_quality"),
)
PASSED_VARIABLES = (
    *("PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "OMP_NUM_THREADS"),
)


class WorkerError(Exception):
    """The process crashed, or stood still."""


def worker_environment(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of the process: FACE_SETTINGS as FER_* variables, and PASSED_VARIABLES."""
    ours = settings.to_environment()
    faces = {name: ours[name] for name in (PREFIX + setting.upper() for setting in FACE_SETTINGS)}
    passed = {name: environ[name] for name in PASSED_VARIABLES if name in environ}
    # a GPU's driver takes more addresses than the process may have
    return passed | faces | {PREFIX + "DEVICE": "cpu", "PYTHONPATH": str(ROOT)}


class WorkerProcess:
    """Runs worker.py on one job after the other."""

    def __init__(
        self,
        environment: Mapping[str, str],
        command: Sequence[str] = COMMAND,
        *,
        max_silence_s: float = MAX_SILENCE_S,
    ) -> None:
        """The environment is all that the process gets, as `worker_environment` returns it."""
        self._environment = environment
        self._command = command
        self._max_silence_s = max_silence_s
        self._closed = threading.Event()

    def close(self) -> None:
        """Kill the process that runs, if one does, and let no other begin."""
        self._closed.set()

    def read(
        self,
        files: Sequence[tuple[str, IO[bytes]]],
        folder: Path,
        cancelled: threading.Event,
        report_progress: Callable[[float, str], None],
        *,
        whole: bool = False,
    ) -> list[dict[str, Any]]:
        """Read files into folder and return the items; report_progress(progress, doing) is called meanwhile.

        With whole each whole picture is a face, as in `Recognizer.read`.
        Once cancelled is set, the items read until then are returned. Where the process fails, each file is
        read again in one of its own, and a file with which that fails has a remark for its item. Raises OSError
        where the disk is full, MemoryError where the process may have no more, WorkerError if the process fails
        with the only file.
        """
        try:
            return self._read(files, folder, 0, cancelled, report_progress, whole)
        except WorkerError as error:
            if len(files) == 1 or self._closed.is_set():
                raise
            log.warning("a job's files are read one by one", extra={"reason": str(error)})
        for path in folder.iterdir():
            path.unlink()
        return self._read_apart(files, folder, cancelled, report_progress, whole)

    def _read_apart(
        self,
        files: Sequence[tuple[str, IO[bytes]]],
        folder: Path,
        cancelled: threading.Event,
        report_progress: Callable[[float, str], None],
        whole: bool,
    ) -> list[dict[str, Any]]:
        """Read each file in a process of its own, as `read` does."""
        items: list[dict[str, Any]] = []
        for number, (name, file) in enumerate(files):

            def report(progress: float, doing: str, number: int = number) -> None:
                report_progress((number + progress) / len(files), doing)

            if cancelled.is_set():
                break
            file.seek(0)  # the process before has moved it
            try:
                items += self._read([(name, file)], folder, len(items), cancelled, report, whole)
            except WorkerError:
                if self._closed.is_set():
                    raise
                items.append(broken_item(name))
                append_remark(folder, name, BROKEN)
        return items

    def _read(
        self,
        files: Sequence[tuple[str, IO[bytes]]],
        folder: Path,
        first: int,
        cancelled: threading.Event,
        report_progress: Callable[[float, str], None],
        whole: bool,
    ) -> list[dict[str, Any]]:
        """Read files in one process; their items' numbers begin with first."""
        numbers = [file.fileno() for _, file in files]
        names = [name for name, _ in files]
        task = {
            "folder": str(folder),
            "first": first,
            "files": list(zip(names, numbers, strict=True)),
            "whole": whole,
        }
        with tempfile.TemporaryFile() as task_file:  # no pipe, which could be full
            task_file.write(json.dumps(task).encode())
            task_file.seek(0)
            process = self._start(task_file, numbers)
        with process:
            try:
                return self._follow(process, cancelled, report_progress)
            finally:
                process.kill()

    def _start(self, task_file: IO[bytes], numbers: Sequence[int]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                self._command,
                stdin=task_file,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=numbers,
                env=dict(self._environment),
                process_group=0,  # Ctrl-C is for us. No new session: Linux would give it a share of its own
            )
        except OSError as error:  # which would otherwise pass for that of a full disk
            raise WorkerError(f"it cannot be started: {error.strerror}") from error

    def _follow(
        self,
        process: "subprocess.Popen[bytes]",
        cancelled: threading.Event,
        report_progress: Callable[[float, str], None],
    ) -> list[dict[str, Any]]:
        """Pass on the reports of a process until it ends and return the items in the last of them."""
        assert process.stdout
        text, reported_at_s, last = bytearray(), time.monotonic(), {}
        with selectors.DefaultSelector() as selector:  # select.select takes no file number above 1023
            selector.register(process.stdout, selectors.EVENT_READ)
            while not self._closed.is_set() and time.monotonic() - reported_at_s < self._max_silence_s:
                if cancelled.is_set():
                    process.terminate()  # asks it to come to an end
                if not selector.select(TICK_S):
                    continue
                reported_at_s = time.monotonic()
                piece = process.stdout.read(1 << 16)
                if not piece:
                    break
                text += piece
                if b"\n" not in piece:  # the last report may be many megabytes long
                    continue
                *lines, text = text.split(b"\n")
                for line in lines:
                    last = parse_report(line)
                    report_progress(last["progress"], last["doing"])
            else:
                raise WorkerError("the program ends" if self._closed.is_set() else "it was silent for too long")
        try:
            code = process.wait(END_S)
        except subprocess.TimeoutExpired:
            raise WorkerError("it closed its output and did not end") from None
        return self._outcome(code, last, cancelled)

    def _outcome(self, code: int, last: dict[str, Any], cancelled: threading.Event) -> list[dict[str, Any]]:
        """Return the items in the last report, or raise the error that the exit code stands for."""
        if "items" in last:
            items: list[dict[str, Any]] = last["items"]
            return items
        if code == EXIT_DISK_FULL:
            raise OSError(last.get("errno", 0), "the disk is full")
        if code == EXIT_OUT_OF_MEMORY:
            raise MemoryError
        if code == -signal.SIGTERM and cancelled.is_set():  # before it could begin
            return []
        raise WorkerError(f"it ended with {code}")


def broken_item(name: str) -> dict[str, Any]:
    """Return the item of a file that no process could read."""
    return {"kind": "remark", "file": clean_file_name(name), "text": BROKEN, "is_problem": True}


def parse_report(line: bytes | bytearray) -> dict[str, Any]:
    """Return a report of worker.py: progress, 0 to 1, doing, and more; raises WorkerError for what is none."""
    try:
        report = json.loads(line)
        return {**report, "progress": float(report["progress"]), "doing": str(report["doing"])}
    except (ValueError, KeyError, TypeError):
        raise WorkerError(f"it printed what is no report: {bytes(line[:80])!r}") from None
