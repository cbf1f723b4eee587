"""The viewers of a camera: their number and its limit, their names, and the feed of each."""

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
    """The limit of viewers is reached; the message says which it is, and limit is its number."""

    def __init__(self, message: str, limit: int = 0) -> None:
        """Keep the number beside the message."""
        super().__init__(message)
        self.limit = limit


@dataclass
class Names:
    """The names that the viewers' pages gave themselves.

    here are those of this process; elsewhere() returns those of other processes, None if they are not known.
    """

    here: list[str] = field(default_factory=list)
    elsewhere: Callable[[], Sequence[str] | None] = tuple


class Seat:
    """One viewer's admission, and its feed."""

    def __init__(self, feed: Feed[Any], release: Callable[[str], None]) -> None:
        """The release is called once, with the reason, when the viewer leaves."""
        self.feed = feed
        self._release: Callable[[str], None] | None = release

    def leave(self, reason: str) -> None:
        """Give the seat back; leaving twice is allowed."""
        release, self._release = self._release, None
        if release:
            release(reason)


class Audience:
    """Admits viewers to a camera, which runs while there is one."""

    def __init__(
        self,
        camera: Viewable,
        variants: Variants,
        sender: Sender,
        max_viewers: int,
        names: Names | None = None,
    ) -> None:
        """Admit max_viewers in this process; names is for a camera that other processes serve, too."""
        self.sender = sender
        self.refused = 0
        self._camera = camera
        self._variants = variants
        self._max_viewers = max_viewers
        self._lock = threading.Lock()
        self._names = names or Names()
        self._listeners: list[str] = []

    def __len__(self) -> int:
        """Return the number of viewers in this process."""
        return len(self._names.here)

    def watching(self) -> int:
        """Return the number of viewers in all processes."""
        return len(self) + len(self._names.elsewhere() or ())

    def is_watching(self, name: str) -> bool | None:
        """Return whether a viewer of that name watches the camera; None if other processes are not known."""
        if name in self._names.here:
            return True
        elsewhere = self._names.elsewhere()
        return None if elsewhere is None else name in elsewhere

    def is_full(self, limit: int | None = None) -> bool:
        """Return whether max_viewers, or limit of them, are taken in this process."""
        return len(self) >= self._limit(limit)

    def _limit(self, limit: int | None) -> int:
        return min(self._max_viewers, limit or self._max_viewers)

    def admit(self, name: str, variant: Variant, limit: int | None = None) -> Seat:
        """Return a viewer's seat; raises FullError if max_viewers, or limit of them, are taken."""
        return self._seat("viewer", self._names.here, name, limit, self._variants.feed(variant))

    def listen(self, feed: Feed[Any], limit: int | None = None) -> Seat:
        """Return the seat of a listener of events, which are as many as viewers; raises FullError."""
        return self._seat("listener", self._listeners, "", limit, nullcontext(feed))

    def _seat(
        self, kind: str, names: list[str], name: str, limit: int | None, feed: AbstractContextManager[Feed[Any]]
    ) -> Seat:
        with ExitStack() as stack:
            stack.enter_context(self._listed(names, name, self._limit(limit)))
            stack.enter_context(self._camera.viewing())
            opened = stack.enter_context(feed)
            held = stack.pop_all()
        log.info("a %s came", kind, extra={"viewers": len(self)})

        def release(reason: str) -> None:
            held.close()
            log.info("a %s left", kind, extra={"reason": reason, "viewers": len(self)})

        return Seat(opened, release)

    @contextmanager
    def _listed(self, names: list[str], name: str, limit: int) -> Iterator[None]:
        with self._lock:
            if len(names) >= limit:
                self.refused += 1
                raise FullError(
                    f"{limit} viewers are watching, which is the limit; try again in a minute.", limit
                )
            names.append(name)
        try:
            yield
        finally:
            with self._lock:
                names.remove(name)
