"""The log: one line an event, key=value, so that people and programs can read it."""

import json
import logging
import time

_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "taskName"}


class OneLine(logging.Formatter):
    """Writes a record as time, level, logger, event and its extras; a traceback becomes one quoted value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        values: dict[str, object] = {
            "time": f"{at}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        values |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_quote(str(value))}" for key, value in values.items())


def set_up_logging(level: str) -> None:
    """Log everything of that level and above to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False  # a full disk must not end what it cannot log


def _quote(text: str) -> str:
    """Return text, in JSON's quotes if it is not one plain word."""
    plain = text.isprintable() and text and not set(text) & set(' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
