"""Reads the files of one job, in a process of its own, started by worker_process.py.

Its standard input says which files, as JSON; it tells on standard output how far it is, a JSON object a line,
and in the last line what it has found.
"""

import json
import os
import signal
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from settings import read_settings
from uploads.analysis import Sent
from uploads.assemble import load_classifier, make_recognizer, make_video_pipeline
from uploads.result_writer import ResultWriter
from uploads.worker_process import NO_ROOM
from vision.background import limit_threads

TELL_S = 0.2


class Teller:
    """Prints how far the work is, not too often; ends the process when nobody listens any more."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def __call__(self, progress: float, doing: str) -> None:
        if time.monotonic() - self._told_at >= TELL_S:
            self._told_at = time.monotonic()
            self.say({"progress": progress, "doing": doing})

    def say(self, said: dict[str, Any]) -> None:
        try:
            print(json.dumps(said), flush=True)
        except BrokenPipeError:
            os._exit(1)


def main() -> int:
    """Read what standard input names and return the exit code."""
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())
    teller = Teller()
    task = json.load(sys.stdin)
    settings = read_settings()
    limit_threads()
    classifier = load_classifier(settings)
    sent = [Sent.of_stream(name, os.fdopen(number, "rb")) for name, number in task["files"]]
    with closing(make_recognizer(settings, classifier)) as recognizer:
        make = partial(make_video_pipeline, settings, classifier)
        keeper = ResultWriter(Path(task["folder"]), settings.jpeg_quality, settings.blur)
        try:
            items = keeper.read(sent, recognizer, make, cancelled, teller)
        except OSError as error:
            teller.say({"progress": 0.0, "doing": "", "errno": error.errno})
            return NO_ROOM
    teller.say({"progress": 1.0, "doing": "", "items": items})
    return 0


if __name__ == "__main__":
    sys.exit(main())
