"""The outputs of one camera: each annotated frame's faces go to every one of them."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

from outputs.base import Moment, Output, OutputStatus
from outputs.delivery import WAITS, Delivery, DeliveryWaits
from streaming.viewable import Viewable
from vision.frames import AnnotatedFrame


class CameraOutputs:
    """Hands every frame to the outputs while they are on; they keep the camera open, with or without viewers.

    The process that owns the camera has them; of several with one name, the one that publishes it.
    """

    def __init__(self, camera: Viewable, outputs: Sequence[Output], waits: DeliveryWaits = WAITS) -> None:
        """Create the outputs of a camera, which are off until `start`."""
        self._camera, self._waits = camera, waits
        self._deliveries = [Delivery(output, waits=waits) for output in outputs]
        self._switching = threading.Lock()  # guards what is below
        self._held = ExitStack()
        self._on = False
        if self._deliveries:
            camera.annotated.subscribe(self._take)

    def start(self) -> None:
        """Connect, and send what comes from now on; nothing if they are on."""
        with self._switching:
            if self._on or not self._deliveries:
                return
            for delivery in self._deliveries:
                delivery.start()
            self._held.enter_context(self._camera.viewing())
            self._on = True

    def stop(self) -> bool:
        """Disconnect and join the threads; False if a receiver holds one."""
        with self._switching:
            if not self._on:
                return True
            self._on = False
            self._held.close()
            for delivery in self._deliveries:
                delivery.end()
            deadline_s = time.monotonic() + self._waits.join_s
            joined = [delivery.join(max(deadline_s - time.monotonic(), 0)) for delivery in self._deliveries]
            return all(joined)

    def close(self) -> bool:
        """Do as `stop` does."""
        return self.stop()

    def marker(self, label: str, unix_s: float) -> None:
        """Send an event with its time (Unix, s) to every output; nothing while they are off."""
        if self._on:
            for delivery in self._deliveries:
                delivery.marker(label, unix_s)

    def status(self) -> list[OutputStatus]:
        """Return what each output does now."""
        return [delivery.status() for delivery in self._deliveries]

    # The camera's thread must not wait, so here moments are only queued.

    def _take(self) -> None:
        annotated = self._camera.annotated.newest()
        if not self._on or annotated is None or annotated.problem:
            return
        moment = moment_of(annotated)
        for delivery in self._deliveries:
            delivery.put(moment)


def moment_of(annotated: AnnotatedFrame) -> Moment:
    """Return what the outputs get of a frame: no picture, and no face that is only drawn where it was."""
    faces = [track for track in annotated.tracks if track.seen_s == annotated.captured_s]
    height_px, width_px = annotated.scene.shape[:2] if annotated.scene is not None else (0, 0)
    return Moment(annotated.index, annotated.captured_s, (width_px, height_px), faces)
