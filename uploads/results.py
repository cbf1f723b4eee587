"""Results of uploads, kept for a day: a folder a job, with two JSON files when the job has ended."""

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from texts import clean_file_name
from vision.circumplex import valence_arousal
from vision.emotions import EMOTIONS
from vision.faces import NO_FACE, Table, remark_row

KEEP_S = 24 * 3600.0
MAX_KEPT_BYTES = 2_000_000_000  # of all jobs together; the oldest go first
ITEMS = "items.json"  # what was read, which may be long
ABOUT = "about.json"  # the owner, the title, the state, the time and the number of rows
TABLE = "faces.csv"
_ID = re.compile(r"[\w-]{22}", re.ASCII)
_FILE = re.compile(r"\d{1,6}(-\d{1,4}(-heat)?)?\.(jpg|mp4|webm)", re.ASCII)


class ResultRow(NamedTuple):
    """A row of the table of all results.

    face is its JSON, {} for none; cells are in the order of COLUMNS; item is the number of the file in its
    result, and kind is "picture", "video" or "remark".
    """

    job_id: str
    about: dict[str, Any]
    item: int
    kind: str
    face: dict[str, Any]
    cells: list[object]


class Results:
    """A folder of results. Everybody who has a job's id can see it: ids cannot be guessed.

    Lists are answered from an index of the ABOUT files in memory. A folder's name is new for each job, so
    one look at the names tells which files the index lacks, whichever process has written them.
    """

    def __init__(
        self, folder: Path, max_kept_bytes: int = MAX_KEPT_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        """Keep results in folder, which need not exist yet."""
        self._folder = folder
        self._max_kept_bytes = max_kept_bytes
        self._clock = clock
        self._lock = threading.Lock()  # guards the index
        self._index: dict[str, dict[str, Any]] = {}

    def begin(self) -> str:
        """Return the id of a new job, its folder made; raises OSError."""
        job_id = secrets.token_urlsafe(16)
        self.folder(job_id).mkdir(parents=True)
        return job_id

    def folder(self, job_id: str) -> Path:
        """Return a job's folder, which need not exist."""
        return self._folder / job_id

    def save(self, job_id: str, result: dict[str, Any]) -> None:
        """Write a job's result, whole or not at all: a folder has none without ABOUT. Raises OSError."""
        folder, items = self.folder(job_id), result["items"]
        about = {name: value for name, value in result.items() if name != "items"}
        about |= {"made_at": self._clock(), "rows": count_rows(items)}
        (folder / ITEMS).write_text(json.dumps(items), encoding="utf-8")
        unfinished = folder / f"{ABOUT}.new"
        unfinished.write_text(json.dumps(about), encoding="utf-8")
        os.replace(unfinished, folder / ABOUT)
        with self._lock:
            self._index[job_id] = about

    def replace_items(self, job_id: str, items: list[dict[str, Any]]) -> None:
        """Replace a job's items by as many, whole or not at all; the result stays as old as it is.

        Raises OSError, also where there is no such result.
        """
        folder, about = self.folder(job_id), self.about(job_id)
        unfinished = folder / f"{ITEMS}.new"
        unfinished.write_text(json.dumps(items), encoding="utf-8")
        os.replace(unfinished, folder / ITEMS)
        if about:
            os.utime(folder, (about["made_at"], about["made_at"]))  # by which `sweep` tells its age

    def about(self, job_id: str) -> dict[str, Any] | None:
        """Return a job's result without its items; None if there is none, or it is older than a day."""
        about = self._read_about(job_id) if _ID.fullmatch(job_id) else None
        return about if about and self._is_fresh(float(about["made_at"])) else None

    def load(self, job_id: str) -> dict[str, Any] | None:
        """Return a job's result, None as in `about`."""
        about = self.about(job_id)
        if about is None:
            return None
        try:
            return about | {"items": json.loads((self.folder(job_id) / ITEMS).read_text(encoding="utf-8"))}
        except (OSError, ValueError):  # deleted meanwhile
            return None

    def of_owner(self, owner: str) -> list[tuple[str, dict[str, Any]]]:
        """Return `about` of an owner's results, with their ids, the newest first."""
        with self._lock:
            self._refresh()
            mine = [
                (job_id, about)
                for job_id, about in self._index.items()
                if about["owner"] == owner and self._is_fresh(float(about["made_at"]))
            ]
        return sorted(mine, key=lambda pair: -float(pair[1]["made_at"]))

    def count_rows(self, owner: str) -> int:
        """Return how many rows `rows` yields."""
        return sum(self._count_rows(job_id, about) for job_id, about in self.of_owner(owner))

    def rows(self, owner: str, first: int = 0) -> Iterator[ResultRow]:
        """Yield the rows of an owner's results from number `first` on, the newest result first.

        Only one result is in memory at a time, and none that comes before the first row.
        """
        for job_id, about in self.of_owner(owner):
            count = self._count_rows(job_id, about)
            if first < count:
                result = self.load(job_id)
                for item, kind, face, cells in islice(
                    json_rows(result["items"] if result else ()), first, None
                ):
                    yield ResultRow(job_id, about, item, kind, face, cells)
            first = max(first - count, 0)

    def file(self, job_id: str, name: str) -> Path | None:
        """Return the path of a picture or video of a job's result, or of its table; None for any other name."""
        if not (_FILE.fullmatch(name) or name == TABLE) or self.about(job_id) is None:
            return None
        path = self.folder(job_id) / name
        return path if path.is_file() else None

    def delete(self, job_id: str) -> None:
        """Delete a job's folder, if there is one."""
        if _ID.fullmatch(job_id):
            shutil.rmtree(self.folder(job_id), ignore_errors=True)
            with self._lock:
                self._index.pop(job_id, None)

    def sweep(self, busy: frozenset[str] = frozenset()) -> None:
        """Delete results older than a day, and the oldest of too many; no job in busy. Raises OSError."""
        kept = 0
        for path in sorted(self._folders(), key=_changed_at, reverse=True):
            kept += sum(file.stat().st_size for file in path.glob("*") if file.is_file())
            is_fresh = self._is_fresh(_changed_at(path))
            if path.name not in busy and (not is_fresh or kept > self._max_kept_bytes):
                self.delete(path.name)
        with self._lock:
            self._refresh()  # here, so that no visitor waits for it after a start

    def _refresh(self) -> None:
        """Bring the index up to date with the folders that are there."""
        there = {path.name for path in self._folders()}
        for gone in self._index.keys() - there:
            del self._index[gone]
        for new in there - self._index.keys():
            if about := self._read_about(new):
                self._index[new] = about

    def _read_about(self, job_id: str) -> dict[str, Any] | None:
        try:
            about: dict[str, Any] = json.loads((self.folder(job_id) / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # the job has not ended, or was deleted meanwhile
            return None
        return about if isinstance(about, dict) and about.keys() >= {"owner", "made_at"} else None

    def _is_fresh(self, made_unix_s: float) -> bool:
        # one of a clock that was ahead is not kept until that time comes
        return abs(self._clock() - made_unix_s) <= KEEP_S

    def _count_rows(self, job_id: str, about: dict[str, Any]) -> int:
        if "rows" not in about:  # as version 0.1 wrote it; counted once
            result = self.load(job_id)
            about["rows"] = count_rows(result["items"]) if result else 0
        count: int = about["rows"]
        return count

    def _folders(self) -> Iterator[Path]:
        try:
            with os.scandir(self._folder) as entries:
                yield from (Path(one) for one in entries if _ID.fullmatch(one.name) and one.is_dir())
        except OSError:  # nothing was kept yet
            return


@contextmanager
def open_table(folder: Path) -> Iterator[Table]:
    """Open the table of a job's folder to write at its end; it begins with the names of its columns."""
    with (folder / TABLE).open("a", encoding="utf-8", newline="") as file:
        yield Table(file, begin=file.tell() == 0)


def append_remark(folder: Path, name: str, text: str) -> None:
    """Write the row of a file that could not be read into the table of a job's folder."""
    with open_table(folder) as table:
        table.add([remark_row(clean_file_name(name), text)])


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def count_rows(items: Iterable[dict[str, Any]]) -> int:
    """Return how many rows `json_rows` yields."""
    return sum(max(len(_faces(item)), 1) for item in items)


def json_rows(
    items: Iterable[dict[str, Any]],
) -> Iterator[tuple[int, str, dict[str, Any], list[object]]]:
    """Yield a job's result face by face: the item's number and kind, the face's JSON, {} for none, and its row.

    The row is in the order of COLUMNS. A face of a video is one row, with the time it was first seen and its
    mean probabilities; a file without a face has a row with the reason.
    """
    for at, item in enumerate(items):
        number = item_number(at, item)
        for face in _faces(item):
            position = face.get("first_s", ""), "", face["track_id"], *face.get("box", [""] * 4)
            probs = [face["probs"][name] for name in EMOTIONS]
            named = face["emotion"], face["confidence"], face["sure"]
            row = [
                item["file"],
                *position,
                *named,
                *probs,
                item.get("note", ""),
                *valence_arousal(probs).tolist(),
            ]
            yield number, item["kind"], face, row
        if not _faces(item):
            yield number, item["kind"], {}, remark_row(item["file"], item.get("text", NO_FACE))


def item_number(at: int, item: dict[str, Any]) -> int:
    """Return the number of the item in that place of a result: a picture's is in the name of its scene."""
    return int(item["scene"].removesuffix(".jpg")) if "scene" in item else at


def _faces(item: dict[str, Any]) -> Sequence[dict[str, Any]]:
    faces: Sequence[dict[str, Any]] = (item["timeline"] if item["kind"] == "video" else item).get("faces", ())
    return faces
