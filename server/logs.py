"""The log: one line an event, key=value, so that people and programs can read it."""

import json
import logging
import queue
import threading
import time
from contextlib import suppress
from logging.handlers import QueueHandler
from typing import TextIO

MAX_LINES = 1000  # that wait to be written
JOIN_S = 0.2  # for them to be written at the end

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
        """Replace the root logger's handlers, and start the thread."""
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(MAX_LINES)
        self._handler = QueueHandler(self._lines)
        self._handler.setFormatter(OneLine())
        logging.basicConfig(level=level.upper(), handlers=[self._handler], force=True)
        logging.raiseExceptions = False  # neither a full queue nor a full disk may end what it cannot log
        self._writer = logging.StreamHandler(stream)
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def close(self) -> bool:
        """Write the last lines and join the thread, JOIN_S at most; False if the stream takes none of them."""
        logging.getLogger().removeHandler(self._handler)
        deadline_s = time.monotonic() + JOIN_S
        with suppress(queue.Full):
            self._lines.put(None, timeout=JOIN_S)
        self._thread.join(max(deadline_s - time.monotonic(), 0))
        return not self._thread.is_alive()

    def _work(self) -> None:
        while record := self._lines.get():
            self._writer.handle(record)


def _quote(text: str) -> str:
    """Return text, in JSON's quotes if it is not one plain word."""
    plain = text.isprintable() and text and not set(text) & set(' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
