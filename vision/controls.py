"""The controls that pages have over the running pipeline: the view, the smoothing, the faces' numbers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from vision.overlay import View
from vision.pipeline import Pipeline
from vision.resting_face import RestRequest

SWITCHES = tuple(item.name for item in fields(View))
MAX_SMOOTHING_S = 10.0  # as the setting


class ControlError(ValueError):
    """A control cannot have that value; the message says why in one sentence."""


class Controls:
    """Changes a running pipeline, from any thread; every value is replaced as a whole."""

    def __init__(
        self,
        pipeline: Pipeline,
        fixed: Sequence[str] = (),
        open_to_all: bool = True,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        """Create the controls of a pipeline.

        Args:
            pipeline: Whose view and tracker are replaced.
            fixed: The names of the switches that stay as they are.
            open_to_all: Tells the site whether visitors may change the rest.
            on_reset: Called after each reset.
        """
        self.fixed = fixed
        self.open_to_all = open_to_all
        self._pipeline = pipeline
        self._on_reset = on_reset
        self._resets = 0
        self._lock = threading.Lock()  # two changes at once must not undo each other

    def read(self) -> dict[str, Any]:
        """Return each switch of the view, smoothing_s, the number of resets, and the names of resting faces."""
        tracker = self._pipeline.tracker
        more = {"smoothing_s": tracker.smoothing_s, "resets": self._resets, "rests": tracker.named_rests()}
        return asdict(self._pipeline.view) | more

    def change(self, changes: dict[str, Any]) -> None:
        """Set some switches, or smoothing_s; raises ControlError, and then nothing is changed."""
        current = self.read()
        for name, value in changes.items():
            check_change(name, value, current, self.fixed)
        switches = {name: value for name, value in changes.items() if name in SWITCHES}
        with self._lock:
            self._pipeline.view = replace(self._pipeline.view, **switches)
            if "smoothing_s" in changes:
                self._pipeline.tracker.smoothing_s = float(changes["smoothing_s"])

    def rest(self, request: RestRequest) -> None:
        """Measure, use, name or forget a face's resting face; raises RestError."""
        self._pipeline.tracker.rest(request)

    def reset(self) -> None:
        """Number the faces anew, from 1."""
        with self._lock:
            self._pipeline.reset()
            self._resets += 1
        self._on_reset()


def check_change(name: str, value: Any, current: Mapping[str, Any], fixed: Sequence[str]) -> None:
    """Raise ControlError if that control cannot have that value; current is as `Controls.read` returns it."""
    if name == "smoothing_s":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 0 <= value <= MAX_SMOOTHING_S):
            raise ControlError(f"smoothing_s must be a number from 0 to {MAX_SMOOTHING_S:g}.")
    elif name not in SWITCHES:
        raise ControlError(
            f"There is no control of that name; choose one of {', '.join(SWITCHES)}, smoothing_s."
        )
    elif not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false.")
    elif name in fixed and value != current[name]:
        if name == "heat":
            raise ControlError("Heat maps of this network are too slow for live video; use “Explain”.")
        raise ControlError(f"{name} was set when the program started and cannot be changed.")
