"""Records the faces of a camera's live stream into the history, and never delays the stream."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple, Self

from recording.about import About
from recording.database import DatabaseError, RefusedError
from recording.history import History, Session
from recording.markers import MAX_MARKERS, Marker, MarkerError, MarkerRate, check_time
from recording.old_sessions import OldSessions
from streaming.viewable import Viewable
from vision.tracker import Track

log = logging.getLogger(__name__)

MAX_WAITING = 20_000  # frames and sightings; about six minutes of one face
SWEEP_S = 3600.0  # between two deletions of old sessions
MAX_REFUSALS = 3  # of the same moments, before they are written one by one
RECENT_MS = 60_000  # a marker is told of for so long after its moment,
MAX_RECENT = 20  # and so many at most


@dataclass(frozen=True)
class RecorderWaits:
    """How long the recorder waits, in s."""

    flush_s: float = 0.4  # between two writes
    max_pause_s: float = 5.0  # between two tries while the database does not answer
    slow_s: float = 5.0  # a write that takes longer is a problem
    join_s: float = 5.0  # gunicorn.conf.py gives the program somewhat more


WAITS = RecorderWaits()


@dataclass(frozen=True)
class Saved:
    """A session that has ended and is all in the database: its number, its length, and its number of faces."""

    session_id: int
    length_ms: int
    faces: int


@dataclass(frozen=True)
class Recording:
    """The recorder's state: sightings written, waiting to be, and dropped because too many waited.

    session_id is None until the session is in the database; problem is empty if all is well. The session began
    at started_unix_ms, length_ms ago; saved is the one that ended last, until another begins. about and labels,
    of the keys 1 to 9, are those of the session, or of the next one; markers are how many the session has, and
    recent_markers the newest of the last minute, at most MAX_RECENT, in the order in which they came.
    """

    on: bool
    session_id: int | None
    sightings: int
    waiting: int
    dropped: int
    problem: str
    started_unix_ms: int | None = None
    length_ms: int = 0
    saved: Saved | None = None
    about: About = field(default_factory=About)
    labels: tuple[str, ...] = ()
    markers: int = 0
    last_marker: Marker | None = None
    recent_markers: tuple[Marker, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Return a line about the recording as JSON: whether it is on, and for how long."""
        return {"on": self.on, "seconds": self.length_ms / 1000}

    @classmethod
    def unpack(cls, values: Mapping[str, Any]) -> Self:
        """Return what `dataclasses.asdict` made, with lists for tuples; raises TypeError or KeyError."""
        about, last, saved = values["about"], values["last_marker"], values["saved"]
        return cls(
            **{**values, "labels": tuple(values["labels"])}
            | {"about": About(**{**about, "tags": tuple(about["tags"])})}
            | {"last_marker": Marker(**last) if last else None, "saved": Saved(**saved) if saved else None}
            | {"recent_markers": tuple(Marker(**marker) for marker in values["recent_markers"])}
        )


OFF = Recording(False, None, 0, 0, 0, "")


class _Moment(NamedTuple):
    session: Session
    at_ms: int  # Unix
    tracks: Sequence[Track] = ()
    brightness: float | None = None  # of the whole picture
    marker: Marker | None = None


class Recorder:
    """Takes every annotated frame's tracks while it is on, and writes them in a thread of its own.

    While it is on it keeps the camera open, with or without viewers. The sightings between two writes are
    lost if the process is killed, and none if it is closed.
    """

    def __init__(
        self,
        camera: Viewable,
        history: History,
        keep_days: int = 0,
        open_to_all: bool = True,
        prefix: str = "",
        *,
        describe_setup: Callable[[], str] = str,
        on_marker: Callable[[Marker], None] = lambda _marker: None,
        max_waiting: int = MAX_WAITING,
        waits: RecorderWaits = WAITS,
    ) -> None:
        """Create a recorder that is off, and start its thread.

        Args:
            camera: Whose frames are recorded.
            history: Where they are written.
            keep_days: Sessions that ended longer ago are deleted, now and every hour; 0 keeps them.
            open_to_all: Whether visitors may record, and see and delete recordings.
            prefix: Written before the source's name, where several cameras write into one history.
            describe_setup: Returns what records now, as JSON: program, network and settings.
            on_marker: Is told of each marker, in the thread that brings it.
            max_waiting: The limit of frames and sightings that wait for the database.
            waits: How long the recorder waits.
        """
        self.open_to_all = open_to_all
        self._camera, self._history, self._prefix = camera, history, prefix
        self._old_sessions = OldSessions(history, keep_days)
        self._describe_setup, self._on_marker = describe_setup, on_marker
        self._max_waiting, self._waits = max_waiting, waits
        self._switching = threading.Lock()  # one start, stop or renewal at a time; guards the next
        self._held = ExitStack()
        # Guards everything below. The camera takes it while it holds its own, so it is never held when
        # the camera is asked for something.
        self._changed = threading.Condition()
        self._session: Session | None = None
        self._saved: Saved | None = None
        self._about, self._labels = About(), tuple[str, ...]()  # of the session that runs, or the next
        self._last_marker: Marker | None = None  # of the session that runs
        self._recent = deque[Marker](maxlen=MAX_RECENT)  # of it
        self._marker_rate = MarkerRate()
        self._waiting: deque[_Moment] = deque()
        self._sightings = 0  # that wait
        self._dropped = 0
        self._refusals = 0  # in a row; of the recorder's own thread
        self._counts: Counter[str] = Counter()  # of all sessions
        self._problem = ""
        self._writing_since_s: float | None = None
        self._closed = False
        camera.annotated.subscribe(self._take)
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    # For pages, in any thread.

    def start(self) -> None:
        """Begin a session, if none runs."""
        with self._switching:
            self._start()

    def stop(self) -> None:
        """End the session, if one runs; the sightings that wait are still written."""
        with self._switching:
            self._stop()

    def renew(self) -> None:
        """Go on in a new session, if one runs: the faces' numbers begin again."""
        with self._switching:
            if self._session:
                with self._camera.viewing():
                    self._stop()
                    self._start()

    def describe(self, about: About, labels: Sequence[str]) -> None:
        """Say what the session that runs is about, and the next ones; labels are those of the keys 1 to 9."""
        with self._changed:
            self._about, self._labels = about, tuple(labels)
            if self._session:
                self._session.about = about
                self._put(_Moment(self._session, max(_now_ms(), self._session.started_unix_ms)))

    def mark(self, label: str, caller_unix_ms: int | None, arrived_unix_ms: int) -> Marker:
        """Mark a moment of the session that runs, as `Marker` describes it; raises MarkerError."""
        with self._changed:
            session, last = self._session, self._last_marker
            if session is None:
                raise MarkerError("Nothing is being recorded, so there is nothing to mark.", 409)
            number = last.number + 1 if last else 1
            marker = Marker(number, label, caller_unix_ms, arrived_unix_ms)
            check_time(marker.at_unix_ms, session.started_unix_ms, _now_ms())
            if number > MAX_MARKERS:
                raise MarkerError(f"This session has {MAX_MARKERS} markers already; start a new one.", 429)
            self._marker_rate.check()
            if not self._put(_Moment(session, arrived_unix_ms, marker=marker)):
                raise MarkerError(
                    "The database has not answered for so long that no more markers can be kept.", 503
                )
            self._last_marker = marker
            self._recent.append(marker)
        self._on_marker(marker)
        return marker

    def _start(self) -> None:
        if self._session or self._closed:
            return
        self._held.enter_context(self._camera.viewing())
        log.info("recording began")
        session = Session(_now_ms(), setup=self._describe_setup())
        with self._changed:
            session.about = self._about
            self._session, self._saved, self._dropped, self._last_marker = session, None, 0, None
            self._recent.clear()
            self._put(_Moment(session, session.started_unix_ms))

    def _stop(self) -> None:
        with self._changed:
            session, self._session = self._session, None
            if session is None:
                return
            self._put(_Moment(session, max(_now_ms(), session.started_unix_ms)))
            self._about = replace(self._about, note="")  # it was about what has just ended
        self._held.close()
        log.info("recording ended")

    def flush(self, timeout_s: float) -> bool:
        """Wait until no sighting waits; False if the database takes longer than timeout_s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def state(self) -> Recording:
        """Return what the recorder does now."""
        with self._changed:
            session, problem = self._session, self._problem
            since_s = self._writing_since_s
            if since_s is not None and time.monotonic() - since_s > self._waits.slow_s:
                problem = problem or "The database is slow to answer."
            now = replace(
                OFF,
                waiting=self._sightings,
                dropped=self._dropped,
                problem=problem,
                about=self._about,
                labels=self._labels,
            )
            if session is None:
                return replace(now, saved=self._saved)
            return replace(
                now,
                on=True,
                session_id=session.session_id,
                sightings=session.written,
                started_unix_ms=session.started_unix_ms,
                length_ms=max(_now_ms() - session.started_unix_ms, 0),
                markers=self._last_marker.number if self._last_marker else 0,
                last_marker=self._last_marker,
                recent_markers=tuple(it for it in self._recent if it.at_unix_ms > _now_ms() - RECENT_MS),
            )

    def counts(self) -> Mapping[str, int]:
        """Return how many sightings were "written" and "dropped" in all sessions."""
        with self._changed:
            return self._counts.copy()

    def unfinished(self) -> set[str]:
        """Return the keys of the sessions that run, or are not wholly written."""
        with self._changed:
            waiting = {moment.session.key for moment in self._waiting}
            return waiting | ({self._session.key} if self._session else set())

    def close(self) -> bool:
        """End the session, write what waits, and join the thread; False if the database holds it."""
        with self._switching:
            self._stop()
            with self._changed:
                self._closed = True
                self._changed.notify_all()
        self._thread.join(self._waits.join_s)
        return not self._thread.is_alive()

    # The camera's thread must not wait, so here sightings are only queued.

    def _take(self) -> None:
        annotated = self._camera.annotated.newest()
        if self._session is None or annotated is None or annotated.problem:
            return
        at_ms = round((time.time() - time.monotonic() + annotated.captured_s) * 1000)
        # a face that was not found in this frame is drawn where it was, but was not seen
        seen = [_without_maps(it) for it in annotated.tracks if it.seen_s == annotated.captured_s]
        with self._changed:
            if self._session:
                self._put(_Moment(self._session, at_ms, seen, annotated.brightness))

    def _put(self, moment: _Moment) -> bool:
        """Let the moment wait for the writer; False if too much waits already."""
        if len(self._waiting) + self._sightings + len(moment.tracks) >= self._max_waiting:
            self._count_dropped(len(moment.tracks))
            return False
        self._waiting.append(moment)
        self._sightings += len(moment.tracks)
        if len(self._waiting) == 1:  # else the writer is awake
            self._changed.notify_all()
        return True

    def _count_dropped(self, sightings: int) -> None:
        """Count sightings that will never be written. Under the lock."""
        self._dropped += sightings
        self._counts["dropped"] += sightings

    # The recorder's own thread.

    def _work(self) -> None:
        pause_s, sweep_s = self._waits.flush_s, time.monotonic()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting, sweep_s - time.monotonic())
                self._changed.wait_for(lambda: self._closed, pause_s)
                closed = self._closed
            try:
                self._write()
                if not closed and time.monotonic() >= sweep_s:
                    self._old_sessions.delete()
                    sweep_s = time.monotonic() + SWEEP_S
            except Exception as error:
                self._report(error)
                self._refusals = 0 if _may_pass(error) else self._refusals + 1
                pause_s = min(pause_s * 2, self._waits.max_pause_s)
            else:
                self._report(None)
                self._refusals = 0
                pause_s = self._waits.flush_s
            if closed:
                self._log_losses()
                return

    def _write(self) -> None:
        """Write the sightings that wait, those of each session at once; raises DatabaseError.

        What was refused MAX_REFUSALS times is written moment by moment, and what is refused then is dropped, so
        that one bad value does not cost all that comes after it.
        """
        with self._changed:
            moments = list(self._waiting)
            self._writing_since_s = time.monotonic()
        alone = self._refusals >= MAX_REFUSALS
        parts = (
            [[it] for it in moments] if alone else [list(group) for _, group in groupby(moments, _session_of)]
        )
        try:
            for part in parts:
                try:
                    self._write_part(part)
                except Exception as error:
                    if not alone or _may_pass(error):
                        raise
                    log.error("a moment of the recording was refused, and is dropped", exc_info=error)
                    self._forget(part, is_written=False)
                else:
                    self._forget(part, is_written=True)
        finally:
            self._writing_since_s = None

    def _write_part(self, part: Sequence[_Moment]) -> None:
        """Write moments of one session."""
        sightings = [(it.at_ms, track, it.brightness) for it in part for track in it.tracks]
        markers = [it.marker for it in part if it.marker]
        source = f"{self._prefix}{self._camera.state().source}"
        self._history.write(part[-1].session, sightings, part[-1].at_ms, source, markers)

    def _forget(self, part: Sequence[_Moment], *, is_written: bool) -> None:
        """Take the moments, which waited longest, from those that wait."""
        sightings = sum(len(moment.tracks) for moment in part)
        with self._changed:
            for _ in part:
                self._waiting.popleft()
            self._sightings -= sightings
            if is_written:
                self._counts["written"] += sightings
            else:
                self._count_dropped(sightings)
            if not (self._session or self._waiting):
                self._saved = _saved(part[-1].session, part[-1].at_ms)
            self._changed.notify_all()

    def _report(self, error: Exception | None) -> None:
        """Keep what went wrong for the pages, and log it once."""
        problem = ""
        if isinstance(error, DatabaseError):
            problem = str(error)
        elif error:
            problem = "The recording failed; the log says why."
        if problem == self._problem:
            return
        if not problem:
            log.info("the database is back")
        else:
            log.error(problem, exc_info=None if isinstance(error, DatabaseError) else error)
        with self._changed:
            self._problem = problem

    def _log_losses(self) -> None:
        if self._sightings:
            log.error("the last sightings could not be written", extra={"sightings": self._sightings})


def _session_of(moment: _Moment) -> Session:
    return moment.session


def _may_pass(error: Exception) -> bool:
    """Return whether the same may be written later: the database is away, and does not refuse a value."""
    return isinstance(error, DatabaseError) and not isinstance(error, RefusedError)


def _without_maps(track: Track) -> Track:
    """Return the track without its heat maps, which would fill the memory while the database is away."""
    return track if track.maps is None else replace(track, maps=None)


def _saved(session: Session, ended_unix_ms: int) -> Saved | None:
    """Return what to say of a session that is all written."""
    if session.session_id is None:
        return None
    return Saved(session.session_id, ended_unix_ms - session.started_unix_ms, len(session.faces))


def _now_ms() -> int:
    return round(time.time() * 1000)
