"""Results are kept for a day, and not more than fits."""

import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.images import make_track
from uploads.results import KEEP_S, Results
from vision.faces import face_json


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def results(tmp_path: Path, clock: Clock) -> Results:
    return Results(tmp_path / "jobs", 1000, clock)


def keep(results: Results, clock: Clock, owner: str = "ann", size: int = 10) -> str:
    """Keep a result of a picture of `size` bytes, made now."""
    job_id = results.begin()
    folder = results.folder(job_id)
    (folder / "0.jpg").write_bytes(bytes(size))
    results.save(job_id, {"owner": owner, "title": "a.jpg", "state": "done", "items": []})
    os.utime(folder, (clock.now, clock.now))
    return job_id


def test_a_result_is_found_by_its_id_and_by_its_owner(results: Results, clock: Clock) -> None:
    first = keep(results, clock)
    clock.now += 1
    second = keep(results, clock)
    keep(results, clock, "bob")
    assert [job_id for job_id, _ in results.of_owner("ann")] == [second, first]
    loaded = results.load(first)
    assert loaded is not None
    assert loaded["title"] == "a.jpg"


def test_ids_cannot_be_guessed_and_nothing_else_is_an_id(results: Results) -> None:
    assert len({results.begin() for _ in range(20)}) == 20
    for wrong in ("", "..", "../jobs", "a" * 22, "a" * 21 + "/", "ä" * 22):
        assert results.load(wrong) is None
        assert results.file(wrong, "0.jpg") is None
        results.delete(wrong)


@pytest.mark.parametrize(
    "name", ["about.json", "items.json", "../about.json", "0.jpg/..", "0.html", "", "x.jpg", "0.jpg\n"]
)
def test_only_pictures_videos_and_the_table_are_given_out(results: Results, clock: Clock, name: str) -> None:
    job_id = keep(results, clock)
    assert results.file(job_id, name) is None
    assert results.file(job_id, "0.jpg") is not None


def test_a_faces_heat_map_is_given_out(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    (results.folder(job_id) / "0-1-heat.jpg").write_bytes(b"")
    assert results.file(job_id, "0-1-heat.jpg") is not None
    assert results.file(job_id, "0-heat.jpg") is None


def test_after_a_day_a_result_is_neither_shown_nor_kept(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    clock.now += KEEP_S + 1
    assert results.load(job_id) is None
    assert results.folder(job_id).exists()
    results.sweep()
    assert not results.folder(job_id).exists()


def test_a_result_of_a_clock_that_was_years_ahead_is_not_kept_for_years(results: Results, clock: Clock) -> None:
    clock.now += 365 * KEEP_S
    job_id = keep(results, clock)
    clock.now -= 365 * KEEP_S
    assert results.load(job_id) is None
    results.sweep()
    assert not results.folder(job_id).exists()


def test_of_too_much_the_oldest_goes_first(results: Results, clock: Clock) -> None:
    kept = []
    for _ in range(3):
        kept.append(keep(results, clock, size=300))
        clock.now += 10
    results.sweep()
    assert [results.folder(job_id).exists() for job_id in kept] == [False, True, True]


def test_what_is_busy_is_not_swept(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    clock.now += KEEP_S + 1
    results.sweep(frozenset([job_id]))
    assert results.folder(job_id).exists()


def test_other_things_in_the_folder_are_left_alone(results: Results, clock: Clock, tmp_path: Path) -> None:
    keep(results, clock)
    other = tmp_path / "jobs" / "mine"
    other.mkdir()
    clock.now += KEEP_S + 1
    results.sweep()
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["mine"]


@pytest.mark.parametrize("about", ['{"owner": "ann", ', "{}", "[]", ""])
def test_a_result_that_was_half_written_is_none(results: Results, about: str) -> None:
    job_id = results.begin()
    (results.folder(job_id) / "0.jpg").touch()
    (results.folder(job_id) / "about.json").write_text(about)
    assert results.load(job_id) is None
    assert results.of_owner("ann") == []
    assert results.file(job_id, "0.jpg") is None


def test_lists_and_files_need_not_what_was_read(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    (results.folder(job_id) / "items.json").unlink()
    assert [(found, about["title"]) for found, about in results.of_owner("ann")] == [(job_id, "a.jpg")]
    assert results.file(job_id, "0.jpg") is not None
    assert results.load(job_id) is None


def test_a_folder_of_an_earlier_version_is_none(results: Results) -> None:
    job_id = results.begin()
    (results.folder(job_id) / "0.jpg").write_bytes(b"")
    (results.folder(job_id) / "result.json").write_text('{"owner": "ann", "items": []}')
    assert results.load(job_id) is None
    assert results.of_owner("ann") == []
    assert results.file(job_id, "0.jpg") is None


def test_before_anything_was_kept_there_is_nothing(tmp_path: Path) -> None:
    results = Results(tmp_path / "never")
    results.sweep()
    assert results.of_owner("ann") == []


def faces_of(count: int, file: str = "a.jpg") -> dict[str, Any]:
    """Return the item of a picture with so many faces."""
    face = face_json(make_track(1, (1, 2, 30, 40), "happy"))
    return {"kind": "picture", "file": file, "faces": [face | {"track_id": n + 1} for n in range(count)]}


def keep_items(results: Results, clock: Clock, *items: dict[str, Any]) -> str:
    job_id = results.begin()
    results.save(job_id, {"owner": "ann", "title": "z.zip", "state": "done", "items": list(items)})
    clock.now += 1
    return job_id


class CountingResults(Results):
    """Results that count what is read from the disk."""

    abouts, loads = 0, 0

    def _read_about(self, job_id: str) -> dict[str, Any] | None:
        self.abouts += 1
        return super()._read_about(job_id)

    def load(self, job_id: str) -> dict[str, Any] | None:
        self.loads += 1
        return super().load(job_id)


def test_rows_are_given_from_any_number_on_the_newest_result_first(results: Results, clock: Clock) -> None:
    old = keep_items(results, clock, faces_of(3, "old.jpg"))
    new = keep_items(results, clock, faces_of(2, "new.jpg"), faces_of(0, "none.jpg"))
    expected = [(new, "new.jpg", 1), (new, "new.jpg", 2), (new, "none.jpg", None)]
    expected += [(old, "old.jpg", number) for number in (1, 2, 3)]
    for first in range(8):
        rows = [(row.job_id, row.cells[0], row.face.get("track_id")) for row in results.rows("ann", first)]
        assert rows == expected[first:]
    assert results.count_rows("ann") == 6
    assert (results.count_rows("bob"), list(results.rows("bob"))) == (0, [])


def test_lists_and_counts_read_each_results_file_once_and_rows_only_what_they_show(
    tmp_path: Path, clock: Clock
) -> None:
    for _ in range(20):
        keep_items(Results(tmp_path / "jobs", clock=clock), clock, faces_of(10))
    after_a_start = CountingResults(tmp_path / "jobs", clock=clock)
    for _ in range(3):
        assert len(after_a_start.of_owner("ann")) == 20
        assert after_a_start.count_rows("ann") == 200
    assert (after_a_start.abouts, after_a_start.loads) == (20, 0)
    rows = after_a_start.rows("ann", 45)
    assert len(list(islice(rows, 20))) == 20
    assert after_a_start.loads == 3


def test_a_result_of_version_0_1_has_its_rows_counted_once(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "jobs" / ("a" * 22)
    folder.mkdir(parents=True)
    about = {"owner": "ann", "title": "a.jpg", "state": "done", "made_at": clock.now}
    (folder / "about.json").write_text(json.dumps(about))
    (folder / "items.json").write_text(json.dumps([faces_of(3), faces_of(0)]))
    results = CountingResults(tmp_path / "jobs", clock=clock)
    assert [results.count_rows("ann") for _ in range(3)] == [4, 4, 4]
    assert results.loads == 1
    assert len(list(results.rows("ann"))) == 4


def test_what_another_process_keeps_or_deletes_is_seen(tmp_path: Path, clock: Clock) -> None:
    here, there = Results(tmp_path / "jobs", clock=clock), Results(tmp_path / "jobs", clock=clock)
    first = keep_items(here, clock, faces_of(1))
    assert [job_id for job_id, _ in there.of_owner("ann")] == [first]
    second = keep_items(there, clock, faces_of(1))
    there.delete(first)
    assert [job_id for job_id, _ in here.of_owner("ann")] == [second]
    unfinished = here.begin()
    assert there.count_rows("ann") == 1
    here.save(unfinished, {"owner": "ann", "title": "b", "state": "done", "items": [faces_of(2)]})
    assert there.count_rows("ann") == 3


def test_a_sweep_takes_what_it_deletes_out_of_the_lists(results: Results, clock: Clock) -> None:
    kept = keep(results, clock, size=300)
    clock.now += 1
    newer = keep(results, clock, size=900)
    assert len(results.of_owner("ann")) == 2
    results.sweep()
    assert not results.folder(kept).exists()
    assert [job_id for job_id, _ in results.of_owner("ann")] == [newer]
    clock.now += KEEP_S + 1
    assert results.of_owner("ann") == []  # also before the next sweep
