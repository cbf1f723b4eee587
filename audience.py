"""Everybody who watches: how many there may be, who is there, and what each is given."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from sender import Sender
from stream import Latest
from variants import Variant, Variants

if TYPE_CHECKING:
    from pipeline import AnnotatedFrame

log = logging.getLogger(__name__)


class Camera(Protocol):
    """What the audience asks of a camera; camera.Camera is one."""

    def viewing(self) -> AbstractContextManager[None]:
        """Keep the camera open."""


class FullError(Exception):
    """As many watch already as may; the message says how many."""


class Seat:
    """One viewer's place, and the feed it is given; leaving twice is allowed."""

    def __init__(self, feed: "Latest[AnnotatedFrame]", leave: Callable[[str], None]) -> None:
        self.feed = feed
        self._leave: Callable[[str], None] | None = leave

    def leave(self, reason: str) -> None:
        leave, self._leave = self._leave, None
        if leave:
            leave(reason)


class Audience:
    """Gives every viewer a seat; while one is taken the camera runs."""

    def __init__(self, camera: Camera, variants: Variants, sender: Sender, max_viewers: int) -> None:
        self.sender = sender
        self.refused = 0
        self._camera = camera
        self._variants = variants
        self._max_viewers = max_viewers
        self._lock = threading.Lock()
        self._names: list[str] = []  # that the viewers' pages gave themselves

    def __len__(self) -> int:
        return len(self._names)

    def is_watching(self, name: str) -> bool:
        return name in self._names

    def admit(self, name: str, variant: Variant, most: int | None = None) -> Seat:
        """Return a seat; raises FullError if all are taken, or `most` of them."""
        with ExitStack() as stack:
            stack.enter_context(self._listed(name, min(self._max_viewers, most or self._max_viewers)))
            stack.enter_context(self._camera.viewing())
            feed = stack.enter_context(self._variants.feed(variant))
            held = stack.pop_all()
        log.info("a viewer came", extra={"viewers": len(self)})

        def leave(reason: str) -> None:
            held.close()
            log.info("a viewer left", extra={"reason": reason, "viewers": len(self)})

        return Seat(feed, leave)

    @contextmanager
    def _listed(self, name: str, most: int) -> Iterator[None]:
        with self._lock:
            if len(self._names) >= most:
                self.refused += 1
                raise FullError(f"{most} are watching, and no more may; try again in a minute.")
            self._names.append(name)
        try:
            yield
        finally:
            with self._lock:
                self._names.remove(name)
