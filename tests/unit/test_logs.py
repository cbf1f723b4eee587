import io
import logging
import threading
import time
from collections.abc import Iterator

import pytest

from server.logs import MAX_LINES, LogWriter, OneLine
from tests.fakes.waiting import PATIENCE_S


def record_of(
    message: str, *args: object, error: Exception | None = None, **extra: object
) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("camera", logging.WARNING, "camera.py", 1, message, args, info)
    vars(record).update(extra)
    return record


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (record_of("opened"), "level=warning logger=camera event=opened"),
        (record_of("opened %s", "camera 0"), 'level=warning logger=camera event="opened camera 0"'),
        (record_of("came", viewers=3, reason=""), 'level=warning logger=camera event=came viewers=3 reason=""'),
        (record_of('a "b"\nlevel=error'), 'level=warning logger=camera event="a \\"b\\"\\nlevel=error"'),
    ],
)
def test_an_event_is_one_line_of_keys_and_values(record: logging.LogRecord, line: str) -> None:
    time, _, rest = OneLine().format(record).partition(" ")
    assert time.startswith("time=20")
    assert rest == line


def test_a_traceback_stays_in_its_line() -> None:
    line = OneLine().format(record_of("failed", error=ValueError("broken\nin two")))
    assert "\n" not in line
    assert line.endswith('traceback="ValueError: broken\\nin two"')


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, which is as it was after the test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    yield root
    root.handlers[:], root.level, logging.raiseExceptions = before


class PausedTerminal(io.StringIO):
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(PATIENCE_S)
        return super().write(text)


def test_a_closed_log_has_every_line(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    writer = LogWriter("info", stream)
    for number in range(50):
        root_logger.info("event", extra={"number": number})
    root_logger.debug("nothing")
    assert writer.close()
    lines = stream.getvalue().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == [f"number={n}" for n in range(50)]


def test_a_log_that_nobody_reads_holds_nobody_up(root_logger: logging.Logger) -> None:
    terminal = PausedTerminal()
    writer = LogWriter("info", terminal)
    started = time.monotonic()
    for _ in range(MAX_LINES + 500):
        root_logger.info("event")
    assert not writer.close()
    assert time.monotonic() - started < PATIENCE_S / 2
    terminal.go_on.set()


def test_a_closed_log_leaves_no_thread_and_takes_nothing_more(root_logger: logging.Logger) -> None:
    before, stream = set(threading.enumerate()), io.StringIO()
    writer = LogWriter("info", stream)
    root_logger.info("event")
    assert writer.close()
    assert set(threading.enumerate()) <= before
    root_logger.info("later")
    assert len(stream.getvalue().splitlines()) == 1
