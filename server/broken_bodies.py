"""What the web server raises while it receives a body that breaks the rules of its encoding."""

from contextlib import suppress

MALFORMED_BODY: tuple[type[Exception], ...] = ()
with suppress(ImportError):  # Windows, where gunicorn cannot be imported
    from gunicorn.http.errors import ParseException

    MALFORMED_BODY = (ParseException,)
