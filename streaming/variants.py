"""The smaller streams that some viewers ask for, each made once for everybody who wants it."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from streaming.latest import Latest
from vision.frames import AnnotatedFrame
from vision.jpeg import encode_jpeg

if TYPE_CHECKING:
    from vision.frames import AnnotatedFrame

log = logging.getLogger(__name__)

# A small set, so that viewers share them and nobody can ask for a thousand.
FPS = (1, 2, 5, 10, 15, 30)
WIDTHS_PX = (160, 320, 480, 640)
QUALITIES = (40, 60, 80)

TICK_S = 0.2  # how often the thread looks whether it is still wanted
JOIN_TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Variant:
    """A picture's width in px and JPEG quality; None is what the camera and the settings give."""

    width_px: int | None = None
    quality: int | None = None


class Variants:
    """Encodes every variant that somebody watches, in a thread of its own that begins with the first."""

    def __init__(
        self, original: "Latest[AnnotatedFrame]", encode: "Callable[[AnnotatedFrame, Variant], AnnotatedFrame]"
    ) -> None:
        self._original = original
        self._encode = encode
        self._changed = threading.Condition()  # guards everything below
        self._feeds: dict[Variant, Latest[AnnotatedFrame]] = {}
        self._wanted: Counter[Variant] = Counter()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._fault = ""

    @contextmanager
    def feed(self, variant: Variant) -> "Iterator[Latest[AnnotatedFrame]]":
        """Keep a variant coming; the original costs nothing."""
        if variant == Variant():
            yield self._original
            return
        with self._changed:
            self._wanted[variant] += 1
            feed = self._feeds.setdefault(variant, Latest())
            self._start()
            self._changed.notify_all()
        try:
            yield feed
        finally:
            with self._changed:
                self._wanted[variant] -= 1
                if not self._wanted[variant]:
                    feed.clear()  # the next viewer must not see a picture of long ago

    def close(self) -> None:
        """Let every viewer go and join the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for feed in self._feeds.values():
            feed.close()
        if self._thread:
            self._thread.join(JOIN_TIMEOUT_S)

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="variants", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        version = 0
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted.total(), TICK_S)
            # a variant that has nothing yet gets the picture that the others have already
            seen = 0 if any(feed.newest() is None for feed in self._wanted_feeds().values()) else version
            picture, version = self._original.wait(seen, TICK_S)
            if picture is None:
                continue
            for variant, feed in self._wanted_feeds().items():
                made = self._make(picture, variant)
                with self._changed:
                    if self._wanted[variant]:
                        feed.put(made)

    def _wanted_feeds(self) -> "dict[Variant, Latest[AnnotatedFrame]]":
        with self._changed:
            return {variant: self._feeds[variant] for variant in +self._wanted}

    def _make(self, picture: "AnnotatedFrame", variant: Variant) -> "AnnotatedFrame":
        """Return the variant, or the picture as it is if that fails; the same fault is logged once."""
        try:
            made, fault = self._encode(picture, variant), ""
        except Exception as error:
            made, fault = picture, str(error)
            if fault != self._fault:
                log.exception("a variant cannot be made", extra={"variant": variant})
        self._fault = fault
        return made


def encode_variant(annotated: AnnotatedFrame, variant: Variant, default_quality: int) -> AnnotatedFrame:
    """Return annotated with a JPEG of the variant's width and quality; a picture is never enlarged."""
    scene = annotated.scene
    if scene is None:
        return annotated
    height, width = scene.shape[:2]
    if variant.width_px and variant.width_px < width:
        size_px = (variant.width_px, max(round(height * variant.width_px / width), 1))
        scene = cv2.resize(scene, size_px, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return replace(annotated, jpeg=encode_jpeg(scene, variant.quality or default_quality), scene=None)
