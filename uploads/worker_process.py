"""Reads a job's files in a process of its own: what it costs, or breaks, is not the live stream's."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from settings import ROOT

SILENCE_S = 300.0  # of a process that does its work; being nice, it takes minutes to start beside busy ones
END_S = 20.0
NO_ROOM = 3  # the code with which worker.py says that the disk is full
# nice from the first import on: where somebody watches live, that goes first
COMMAND = ("nice", "-n", "10", sys.executable, "-m", "uploads.worker")


class WorkerError(Exception):
    """The process crashed, or stood still."""


class WorkerProcess:
    """Runs worker.py on one job after the other."""

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = COMMAND) -> None:
        """environment has the settings, as FER_* variables."""
        self._environment = environment
        self._command = command
        self._closed = threading.Event()

    def close(self) -> None:
        """Kill the process that runs, if one does, and let no other begin."""
        self._closed.set()

    def read(
        self,
        files: Sequence[tuple[str, IO[bytes]]],
        folder: Path,
        cancelled: threading.Event,
        tell: Callable[[float, str], None],
    ) -> list[dict[str, Any]]:
        """Read files into folder and return its items; tell(progress, doing) is called meanwhile.

        Once cancelled is set, what was read until then is returned. Raises OSError where the disk is full,
        WorkerError if the process fails.
        """
        numbers = [file.fileno() for _, file in files]
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=numbers,
            env={**os.environ, **self._environment, "PYTHONPATH": str(ROOT)},
            process_group=0,  # Ctrl-C is for us. No new session: Linux would give it a share of its own
        )
        names = [name for name, _ in files]
        task = {"folder": str(folder), "files": list(zip(names, numbers, strict=True))}
        with process:
            try:
                assert process.stdin
                process.stdin.write(json.dumps(task).encode())
                process.stdin.close()
                return self._follow(process, cancelled, tell)
            except BrokenPipeError:
                raise WorkerError("it ended before it began") from None
            finally:
                process.kill()

    def _follow(
        self, process: "subprocess.Popen[bytes]", cancelled: threading.Event, tell: Callable[[float, str], None]
    ) -> list[dict[str, Any]]:
        assert process.stdout
        text, heard_at, last = b"", time.monotonic(), {}
        while not self._closed.is_set() and time.monotonic() - heard_at < SILENCE_S:
            if cancelled.is_set():
                process.terminate()  # which asks it to come to an end
            if not select.select([process.stdout], [], [], 0.2)[0]:
                continue
            heard_at = time.monotonic()
            piece = process.stdout.read(1 << 16)
            if not piece:
                break
            *lines, text = (text + piece).split(b"\n")
            for line in lines:
                last = json.loads(line)
                tell(last["progress"], last["doing"])
        else:
            raise WorkerError("the program ends" if self._closed.is_set() else "it said nothing for too long")
        ended = process.wait(END_S)
        if "items" in last:
            items: list[dict[str, Any]] = last["items"]
            return items
        if ended == NO_ROOM:
            raise OSError(last.get("errno", 0), "the disk is full")
        if ended == -signal.SIGTERM and cancelled.is_set():  # before it could begin
            return []
        raise WorkerError(f"it ended with {ended}")
