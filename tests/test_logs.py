import logging

import pytest

from logs import OneLine


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
