"""What uploads gave, kept in a folder for a day: a folder a job, with two JSON files when the job has ended."""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from vision.emotions import EMOTIONS
from vision.faces import remark_row

KEEP_S = 24 * 3600.0
MAX_KEPT_BYTES = 2_000_000_000  # of all jobs together; the oldest go first
ITEMS = "items.json"  # what was read, which may be long
ABOUT = "about.json"  # whose it is, and what it is called
TABLE = "faces.csv"
_ID = re.compile(r"[\w-]{22}", re.ASCII)
_FILE = re.compile(r"\d{1,6}(-\d{1,4}(-heat)?)?\.(jpg|mp4|webm)", re.ASCII)


class Results:
    """A folder of results. Whoever knows a job's id may see it: ids cannot be guessed."""

    def __init__(
        self, folder: Path, max_kept_bytes: int = MAX_KEPT_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._max_kept_bytes = max_kept_bytes
        self._clock = clock

    def begin(self) -> str:
        """Return the id of a new job, its folder made; raises OSError."""
        job_id = secrets.token_urlsafe(16)
        self.place(job_id).mkdir(parents=True)
        return job_id

    def place(self, job_id: str) -> Path:
        """Return a job's folder, which need not be there."""
        return self._folder / job_id

    def save(self, job_id: str, result: dict[str, Any]) -> None:
        """Write a job's result, whole or not at all: a folder has none without ABOUT. Raises OSError."""
        place = self.place(job_id)
        about = {name: value for name, value in result.items() if name != "items"}
        (place / ITEMS).write_text(json.dumps(result["items"]), encoding="utf-8")
        written = place / f"{ABOUT}.new"
        written.write_text(json.dumps(about | {"made_at": self._clock()}), encoding="utf-8")
        os.replace(written, place / ABOUT)

    def about(self, job_id: str) -> dict[str, Any] | None:
        """Return a job's result without its items; None if there is none, or it is older than a day."""
        if not _ID.fullmatch(job_id):
            return None
        try:
            about: dict[str, Any] = json.loads((self.place(job_id) / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return about if self._clock() - about["made_at"] <= KEEP_S else None

    def load(self, job_id: str) -> dict[str, Any] | None:
        """Return a job's result, None as in `about`."""
        about = self.about(job_id)
        if about is None:
            return None
        try:
            return about | {"items": json.loads((self.place(job_id) / ITEMS).read_text(encoding="utf-8"))}
        except (OSError, ValueError):  # deleted meanwhile
            return None

    def of_owner(self, owner: str) -> list[tuple[str, dict[str, Any]]]:
        """Return what `about` says of an owner's results, with their ids, the newest first."""
        told = ((path.name, self.about(path.name)) for path in self._folders())
        mine = [(job_id, about) for job_id, about in told if about and about["owner"] == owner]
        return sorted(mine, key=lambda pair: -float(pair[1]["made_at"]))

    def file(self, job_id: str, name: str) -> Path | None:
        """Return the path of a picture or video of a job's result, or of its table; None for any other name."""
        if not (_FILE.fullmatch(name) or name == TABLE) or self.about(job_id) is None:
            return None
        path = self.place(job_id) / name
        return path if path.is_file() else None

    def delete(self, job_id: str) -> None:
        if _ID.fullmatch(job_id):
            shutil.rmtree(self.place(job_id), ignore_errors=True)

    def sweep(self, busy: frozenset[str] = frozenset()) -> None:
        """Delete what is older than a day, and the oldest of what is too much; not what is still busy."""
        kept = 0
        for path in sorted(self._folders(), key=_changed_at, reverse=True):
            kept += sum(file.stat().st_size for file in path.glob("*") if file.is_file())
            too_old = self._clock() - _changed_at(path) > KEEP_S
            if path.name not in busy and (too_old or kept > self._max_kept_bytes):
                self.delete(path.name)

    def _folders(self) -> Iterator[Path]:
        try:
            yield from (path for path in self._folder.iterdir() if _ID.fullmatch(path.name) and path.is_dir())
        except OSError:  # nothing was kept yet
            return


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def json_rows(items: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], list[object]]]:
    """Yield what a job found, face by face: its JSON, {} for none, and its row in the order of COLUMNS.

    A face of a video is one row, with the time it was first seen and what it showed on average; a file
    without a face has a row that says why.
    """
    for item in items:
        faces = item["timeline"]["faces"] if item["kind"] == "video" else item.get("faces", ())
        for face in faces:
            where = face.get("first_s", ""), "", face["track_id"], *face.get("box", [""] * 4)
            shares = (face["probs"][name] for name in EMOTIONS)
            named = face["emotion"], face["confidence"], face["sure"]
            yield face, [item["file"], *where, *named, *shares, ""]
        if not faces:
            yield {}, remark_row(item["file"], item.get("text", "no face"))
