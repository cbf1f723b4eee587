"""Reads the files of one job, in a process of its own, started by worker_process.py.

Standard input names the files, as JSON; standard output reports the progress, a JSON object a line, and in the
last line the items of the result.
"""

import json
import os
import re
import resource
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from settings import read_settings
from uploads.analysis import InputFile
from uploads.assemble import make_readers
from uploads.result_writer import ResultWriter
from uploads.worker_process import EXIT_DISK_FULL, EXIT_OUT_OF_MEMORY
from vision.background import limit_threads

REPORT_S = 0.2
# More than the program itself takes: two pictures of 50 million pixels at once need up to 2.2 GB (as TIFF of
# floating point; 1.6 GB as WebP, 0.5 GB as JPEG), a video of 3840x2160 px 0.6 GB.
MAX_MEMORY_BYTES = 3_000_000_000


class ProgressReporter:
    """Prints the progress, at most once in REPORT_S; ends the process if the site no longer reads it."""

    def __init__(self) -> None:
        """Begin with no report."""
        self._reported_at_s = 0.0

    def __call__(self, progress: float, doing: str) -> None:
        """Report progress, 0 to 1, and a phrase for people."""
        if time.monotonic() - self._reported_at_s >= REPORT_S:
            self._reported_at_s = time.monotonic()
            self.send({"progress": progress, "doing": doing})

    def send(self, report: dict[str, Any]) -> None:
        """Print a report at once."""
        try:
            print(json.dumps(report), flush=True)
        except BrokenPipeError:
            os._exit(1)


def limit_memory(max_bytes: int = MAX_MEMORY_BYTES) -> None:
    """Let this process, and each that it starts, allocate so many bytes more than it has; then MemoryError.

    Only Linux has such a limit on the data of a process that leaves its libraries uncounted.
    """
    if sys.platform != "linux":
        return
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^VmData:\s+(\d+) kB", status, re.MULTILINE)
    if found:
        limit = int(found[1]) * 1024 + max_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main() -> int:
    """Read the files that standard input names and return the exit code."""
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())
    report = ProgressReporter()
    task = json.load(sys.stdin)
    settings = read_settings()
    limit_threads()
    recognizer, make_pipeline = make_readers(settings)
    files = [InputFile.of_stream(name, os.fdopen(number, "rb")) for name, number in task["files"]]
    with closing(recognizer):
        writer = ResultWriter(Path(task["folder"]), settings.jpeg_quality, settings.blur, task["first"])
        limit_memory()  # nothing of a visitor's file was decoded yet
        try:
            items = writer.read(files, recognizer, make_pipeline, cancelled, report, whole=task["whole"])
        except OSError as error:
            report.send({"progress": 0.0, "doing": "", "errno": error.errno})
            return EXIT_DISK_FULL
        except MemoryError:
            return EXIT_OUT_OF_MEMORY
    report.send({"progress": 1.0, "doing": "", "items": items})
    return 0


if __name__ == "__main__":
    sys.exit(main())
