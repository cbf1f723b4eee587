"""The errors of a camera of another process."""


class UnknownCameraError(Exception):
    """There is no camera of that name; the message says so."""


class CameraAwayError(Exception):
    """The process of the camera of that name does not answer; the message says so."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The process of the camera {name} does not answer.")
