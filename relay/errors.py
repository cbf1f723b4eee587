"""The errors of a camera of another process."""


class UnknownError(Exception):
    """There is no camera of that name; the message says so."""


class AwayError(Exception):
    """The camera's process does not answer; the message says so."""
