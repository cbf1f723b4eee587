"""The keys and values in Redis; of everything only the newest is kept.

A Redis stream with MAXLEN keeps no queue: a slow reader skips, and memory stays what it is.
"""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from redis import Redis

from outputs.base import OutputStatus
from recording.recorder import Recording
from settings import StartError
from streaming.viewable import Counts, State
from vision.frames import AnnotatedFrame
from vision.resting_face import RestingFace
from vision.tracker import Track

TICK_S = 0.25  # between two exchanges of reports and requests
RETRY_S = 0.5  # before Redis is asked again after a failure
CAMERAS = "fer:cameras"  # names with the time (Unix, s) at which they were last published


def connect(url: str) -> Redis:
    """Return a connection, opened when it is first used; raises StartError if url is not a Redis URL."""
    try:
        return Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)
    except ValueError:  # its words may repeat a part of the password
        raise StartError(
            "--redis-url must be a Redis URL, redis://HOST:6379/0 or redis://:PASSWORD@HOST:6379/0, "
            "with %40 for an @ in the password"
        ) from None


def clock_s(redis: Redis) -> float:
    """Return the time of Redis's own clock (Unix, s): those of the machines may differ."""
    parts: Any = redis.time()
    seconds, microseconds = parts
    return float(seconds) + float(microseconds) / 1e6


def frames_key(name: str) -> str:
    """Return the key of a stream of frames."""
    return f"fer:frames:{name}"


def owner_key(name: str) -> str:
    """Return the key of the lock of the process that publishes the camera."""
    return f"fer:owner:{name}"


def viewers_key(name: str) -> str:
    """Return the key of a hash: by web process, what `pack_viewers` gives."""
    return f"fer:viewers:{name}"


def requests_key(name: str) -> str:
    """Return the key of a hash: by control, the value that is requested, as JSON."""
    return f"fer:requests:{name}"


def calls_key(name: str) -> str:
    """Return the key of a list of calls (see relay.calls) that the camera's process has not taken yet."""
    return f"fer:calls:{name}"


def answer_key(call: str) -> str:
    """Return the key of a list that gets the answer to the call with that id."""
    return f"fer:answer:{call}"


def report_key(name: str) -> str:
    """Return the key of the report of the camera's process, as JSON."""
    return f"fer:report:{name}"


@dataclass(frozen=True)
class Report:
    """The report of a camera's process; sessions are the keys of those that are not wholly written."""

    view: dict[str, Any]  # as vision.controls.Controls.read gives it
    fixed: list[str]
    recording: Recording
    sessions: list[str]
    summary: dict[str, Any]  # as streaming.viewable.State.summary gives it
    counts: Counts
    viewers: dict[str, list[str]]  # by web process, the names of its viewers
    outputs: list[OutputStatus] = field(default_factory=list)

    def pack(self) -> bytes:
        """Return the report as JSON."""
        return _json(asdict(self))

    @classmethod
    def unpack(cls, packed: bytes) -> "Report":
        """Return the report that was packed; raises ValueError if another version packed it."""
        try:
            payload = json.loads(packed)
            recording, counts = Recording.unpack(payload["recording"]), Counts(**payload["counts"])
            viewers = dict(payload["viewers"])
            outputs = [OutputStatus(**status) for status in payload.get("outputs", ())]
            read = {"recording": recording, "counts": counts, "viewers": viewers, "outputs": outputs}
            return cls(**payload | read)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a report of another version: {error}") from None


def pack(frame: AnnotatedFrame, state: State) -> dict[str, bytes]:
    """Return a frame, and the state of its camera, as the fields of a stream's entry."""
    about = {
        "index": frame.index,
        "captured": time.time() - (time.monotonic() - frame.captured_s),  # Unix, s
        "problem": frame.problem,
        "source": state.source,
        "note": state.note,
        "tracks": [
            [t.track_id, t.box, [round(float(p), 5) for p in t.probs], t.emotion, t.sure] for t in frame.tracks
        ],
        "landmarks": [None if t.landmarks is None else t.landmarks.round(1).tolist() for t in frame.tracks],
        "rests": [_pack_rest(track) for track in frame.tracks],
    }
    return {"jpeg": frame.jpeg, "about": _json(about)}


def unpack(fields: dict[bytes, bytes]) -> tuple[AnnotatedFrame, str, str]:
    """Return the frame that was packed, and the camera's source and note.

    Raises:
        KeyError, TypeError, ValueError: Another version packed it.
    """
    about = json.loads(fields[b"about"])
    now_s = time.monotonic()
    captured_s = now_s - max(time.time() - about["captured"], 0.0)  # another machine's clock may be ahead
    none = [None] * len(about["tracks"])  # of a version without them
    landmarks, rests = about.get("landmarks") or none, about.get("rests") or none
    tracks = [
        Track(
            number,
            tuple(box),
            np.array(probs, dtype=np.float32),
            emotion,
            sure,
            captured_s,
            landmarks=points and np.array(points, dtype=np.float32),
            **_unpack_rest(rest),
        )
        for (number, box, probs, emotion, sure), points, rest in zip(
            about["tracks"], landmarks, rests, strict=True
        )
    ]
    frame = AnnotatedFrame(about["index"], captured_s, now_s, fields[b"jpeg"], tracks, problem=about["problem"])
    return frame, about["source"], about["note"]


def _pack_rest(track: Track) -> dict[str, Any] | None:
    """Return a track's resting face, or how far it is measured, as JSON values; None without either."""
    if track.rest_progress is not None:
        return {"progress": round(track.rest_progress, 3)}
    if track.rest is None:
        return None
    return {
        "probs": [round(float(p), 5) for p in track.rest.probs],
        "since": track.rest.since_unix_s,
        "name": track.rest.name,
    }


def _unpack_rest(rest: dict[str, Any] | None) -> dict[str, Any]:
    """Return the fields of a track that was packed with this rest; raises KeyError, TypeError, ValueError."""
    if rest is None:
        return {}
    if "progress" in rest:
        return {"rest_progress": float(rest["progress"])}
    probs = np.array(rest["probs"], dtype=np.float32)
    return {"rest": RestingFace(probs, float(rest["since"]), str(rest["name"]))}


def pack_viewers(names: list[str]) -> bytes:
    """Return the names of a web process's viewers; never twice the same, as a sign of life."""
    return _json([time.monotonic_ns(), names])


def unpack_viewers(packed: bytes) -> list[str]:
    """Return the names; none if it is not what `pack_viewers` gives."""
    try:
        _, names = json.loads(packed)
        return [str(name) for name in names]
    except (TypeError, ValueError):
        return []


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
