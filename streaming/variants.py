"""The smaller streams that some viewers ask for, each encoded once for all its viewers."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np

from streaming.latest import Latest
from vision.frames import AnnotatedFrame
from vision.jpeg import encode_jpeg

log = logging.getLogger(__name__)

# A small set, so that viewers share them and no visitor can ask for a thousand.
FPS = (1, 2, 5, 10, 15, 30)
WIDTHS_PX = (160, 320, 480, 640)
QUALITIES = (40, 60, 80)

TICK_S = 0.2  # between two checks whether a variant is wanted
JOIN_TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Variant:
    """A frame's width in px and JPEG quality; None is what the camera and the settings give."""

    width_px: int | None = None
    quality: int | None = None


class Variants:
    """Encodes every variant that has a viewer, in a thread of its own that starts with the first."""

    def __init__(
        self,
        original: Latest[AnnotatedFrame],
        encode: Callable[[AnnotatedFrame, Variant], AnnotatedFrame],
        *,
        tick_s: float = TICK_S,
        join_s: float = JOIN_TIMEOUT_S,
    ) -> None:
        """Encode frames of original; tick_s and join_s say how long to wait for a viewer and for the thread."""
        self._original = original
        self._encode = encode
        self._tick_s, self._join_s = tick_s, join_s
        self._changed = threading.Condition()  # guards everything below
        self._feeds: dict[Variant, Latest[AnnotatedFrame]] = {}
        self._wanted: Counter[Variant] = Counter()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._fault = ""

    @contextmanager
    def feed(self, variant: Variant) -> Iterator[Latest[AnnotatedFrame]]:
        """Yield the feed of a variant, which gets frames during the block; it is closed after `close`."""
        if variant == Variant():
            yield self._original
            return
        with self._changed:
            self._wanted[variant] += 1
            feed = self._feeds.setdefault(variant, Latest())
            if self._closed:
                feed.close()
            self._start()
            self._changed.notify_all()
        try:
            yield feed
        finally:
            with self._changed:
                self._wanted[variant] -= 1
                if not self._wanted[variant]:
                    feed.clear()  # the next viewer must not see an old frame

    def close(self) -> bool:
        """Disconnect every viewer and join the thread; False if it did not end in time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            feeds = list(self._feeds.values())
        for feed in feeds:
            feed.close()
        if self._thread:
            self._thread.join(self._join_s)
        return not (self._thread and self._thread.is_alive())

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="variants", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        version = 0
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted.total(), self._tick_s)
            # a variant that has no frame yet gets the one that the others have already
            seen = 0 if any(feed.newest() is None for feed in self._wanted_feeds().values()) else version
            annotated, version = self._original.wait(seen, self._tick_s)
            if annotated is None:
                continue
            for variant, feed in self._wanted_feeds().items():
                encoded = self._try_to_encode(annotated, variant)
                with self._changed:
                    if self._wanted[variant]:
                        feed.put(encoded)

    def _wanted_feeds(self) -> dict[Variant, Latest[AnnotatedFrame]]:
        with self._changed:
            return {variant: self._feeds[variant] for variant in +self._wanted}

    def _try_to_encode(self, annotated: AnnotatedFrame, variant: Variant) -> AnnotatedFrame:
        """Return the variant, or the frame as it is if that fails; the same fault is logged once."""
        try:
            encoded, fault = self._encode(annotated, variant), ""
        except Exception as error:
            encoded, fault = annotated, str(error)
            if fault != self._fault:
                log.exception("a variant cannot be made", extra={"variant": variant})
        self._fault = fault
        return encoded


def encode_variant(annotated: AnnotatedFrame, variant: Variant, default_quality: int) -> AnnotatedFrame:
    """Return annotated with a JPEG of the variant's width and quality; it is never enlarged."""
    scene = annotated.scene
    if scene is None:
        return annotated
    height, width = scene.shape[:2]
    if variant.width_px and variant.width_px < width:
        size_px = (variant.width_px, max(round(height * variant.width_px / width), 1))
        scene = cv2.resize(scene, size_px, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return replace(annotated, jpeg=encode_jpeg(scene, variant.quality or default_quality), scene=None)
