"""Everybody who watches: how many there may be, who is there, and what each is given."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from streaming.latest import Feed
from streaming.sender import Sender
from streaming.variants import Variant, Variants
from streaming.viewable import Viewable

log = logging.getLogger(__name__)


class FullError(Exception):
    """As many watch already as may; the message says how many."""


@dataclass
class Names:
    """The names that the viewers' pages gave themselves.

    here are those that this process serves; elsewhere() returns those that others do, None if it cannot know.
    """

    here: list[str] = field(default_factory=list)
    elsewhere: Callable[[], Sequence[str] | None] = tuple


class Seat:
    """One viewer's place, and the feed it is given; leaving twice is allowed."""

    def __init__(self, feed: Feed[Any], leave: Callable[[str], None]) -> None:
        self.feed = feed
        self._leave: Callable[[str], None] | None = leave

    def leave(self, reason: str) -> None:
        leave, self._leave = self._leave, None
        if leave:
            leave(reason)


class Audience:
    """Gives every viewer a seat; while one is taken the camera runs."""

    def __init__(
        self,
        camera: Viewable,
        variants: Variants,
        sender: Sender,
        max_viewers: int,
        names: Names | None = None,
    ) -> None:
        """There may be max_viewers in this process; names is for a camera that others serve, too."""
        self.sender = sender
        self.refused = 0
        self._camera = camera
        self._variants = variants
        self._max_viewers = max_viewers
        self._lock = threading.Lock()
        self._names = names or Names()
        self._listeners: list[str] = []

    def __len__(self) -> int:
        return len(self._names.here)

    def watching(self) -> int:
        """Return how many watch the camera, through this process or another."""
        return len(self) + len(self._names.elsewhere() or ())

    def is_watching(self, name: str) -> bool | None:
        """Return whether a viewer of that name watches the camera; None if only others could know."""
        if name in self._names.here:
            return True
        elsewhere = self._names.elsewhere()
        return None if elsewhere is None else name in elsewhere

    def admit(self, name: str, variant: Variant, most: int | None = None) -> Seat:
        """Return a viewer's seat; raises FullError if all are taken, or `most` of them."""
        return self._seat("viewer", self._names.here, name, most, self._variants.feed(variant))

    def listen(self, feed: Feed[Any], most: int | None = None) -> Seat:
        """Return the seat of one who is told what is seen, without a picture; as many as viewers may."""
        return self._seat("listener", self._listeners, "", most, nullcontext(feed))

    def _seat(
        self, who: str, names: list[str], name: str, most: int | None, feed: AbstractContextManager[Feed[Any]]
    ) -> Seat:
        with ExitStack() as stack:
            stack.enter_context(self._listed(names, name, min(self._max_viewers, most or self._max_viewers)))
            stack.enter_context(self._camera.viewing())
            given = stack.enter_context(feed)
            held = stack.pop_all()
        log.info("a %s came", who, extra={"viewers": len(self)})

        def leave(reason: str) -> None:
            held.close()
            log.info("a %s left", who, extra={"reason": reason, "viewers": len(self)})

        return Seat(given, leave)

    @contextmanager
    def _listed(self, names: list[str], name: str, most: int) -> Iterator[None]:
        with self._lock:
            if len(names) >= most:
                self.refused += 1
                raise FullError(f"{most} are watching, and no more may; try again in a minute.")
            names.append(name)
        try:
            yield
        finally:
            with self._lock:
                names.remove(name)
