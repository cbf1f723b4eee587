"""What a camera and its recorder do, as JSON for every page and every client."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from outputs.base import OutputStatus
from recording.markers import Marker
from recording.recorder import Recording
from sources.opener import describe_source
from streaming.viewable import State
from vision.faces import face_json
from vision.tracker import Track
from web.protocols import Controls, Recorder

FORMER_FLIP = "mirror"  # the name of "flip" in version 0.1, still read and still sent


def state_json(
    now: State,
    viewers: int,
    recorder: Recorder | None,
    outputs: Sequence[OutputStatus] = (),
    *,
    named: bool = False,
) -> dict[str, Any]:
    """Return what the camera does and its newest frame shows; time is when that was captured (Unix, s).

    Only if named is given, resting faces have their names.
    """
    newest = now.newest
    tracks = newest.tracks if newest else ()
    return {
        "source": now.source,
        "note": now.note,
        "seen": describe_source(now.source),
        "running": now.running,
        "problem": now.problem or (newest.problem if newest else ""),
        "fps": round(now.fps, 1),
        "latency_ms": round(now.latency_ms, 1),
        "viewers": viewers,
        "frame": newest.index if newest else None,
        "time": round(time.time() - (time.monotonic() - newest.captured_s), 3) if newest else None,
        "faces": [face_json(track if named else _without_name(track)) for track in tracks],
        "recording": recording_json(recorder) if recorder else None,
        "outputs": [asdict(output) for output in outputs],
    }


def recording_json(recorder: Recorder) -> dict[str, Any]:
    """Return what the recorder does as every page and every client gets it.

    Names, tags and markers may tell who is recorded, so only those who may record get them.
    """
    now = recorder.state()
    saved = now.saved
    figures = {
        **now.summary(),
        "since": now.started_unix_ms and now.started_unix_ms / 1000,
        "session": now.session_id,
        "sightings": now.sightings,
        "waiting": now.waiting,
        "dropped": now.dropped,
        "problem": now.problem,
        "saved": saved
        and {"session": saved.session_id, "seconds": saved.length_ms / 1000, "faces": saved.faces},
    }
    return figures | (_about_json(now) if recorder.open_to_all else {})


def _about_json(now: Recording) -> dict[str, Any]:
    return {
        "name": now.about.name,
        "tags": list(now.about.tags),
        "labels": list(now.labels),
        "markers": now.markers,
        "last_marker": _marker_json(now.last_marker) if now.last_marker else None,
        "recent_markers": [{"number": it.number, **_marker_json(it)} for it in now.recent_markers],
    }


def _marker_json(marker: Marker) -> dict[str, Any]:
    return {"label": marker.label, "time": marker.at_unix_ms / 1000}


def _without_name(track: Track) -> Track:
    return replace(track, rest=replace(track.rest, name="")) if track.rest else track


def view_json(controls: Controls) -> dict[str, Any]:
    """Return what `Controls.read` gives, also by the names of version 0.1; {} where nothing is known.

    The names of resting faces may tell who is seen, so only those who may change anything get them.
    """
    view = controls.read()
    if not view:
        return {}
    if "rests" in view and not controls.open_to_all:
        view = view | {"rests": []}
    return {**view, FORMER_FLIP: view["flip"]}
