"""The log: one line an event, key=value, so that people and programs can read it."""

import json
import logging
import queue
import time
from logging.handlers import QueueHandler, QueueListener
from typing import TextIO

MAX_LINES = 1000  # that wait to be written
LAST_LINES_S = 0.2  # for them to be written at the end

_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "taskName"}


class OneLine(logging.Formatter):
    """Writes a record as time, level, logger, event and its extras; a traceback becomes one quoted value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        utc = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        values: dict[str, object] = {
            "time": f"{utc}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        values |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_quote(str(value))}" for key, value in values.items())


class LogWriter:
    """Logs everything of a level and above to a stream, by default standard error, in a thread of its own.

    A terminal that is paused, or a pipe without a reader, must not hold up the stream: once MAX_LINES
    wait, further ones are lost.
    """

    def __init__(self, level: str, stream: TextIO | None = None) -> None:
        """Replace the root logger's handlers."""
        self._lines: queue.Queue[logging.LogRecord] = queue.Queue(MAX_LINES)
        handler = QueueHandler(self._lines)
        handler.setFormatter(OneLine())
        logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
        logging.raiseExceptions = False  # neither a full queue nor a full disk may end what it cannot log
        QueueListener(self._lines, logging.StreamHandler(stream)).start()

    def close(self) -> None:
        """Wait up to LAST_LINES_S until the last lines are written; the thread ends with the process."""
        deadline_s = time.monotonic() + LAST_LINES_S
        while self._lines.unfinished_tasks and time.monotonic() < deadline_s:
            time.sleep(0.005)


def _quote(text: str) -> str:
    """Return text, in JSON's quotes if it is not one plain word."""
    plain = text.isprintable() and text and not set(text) & set(' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
