"""Results are kept for a day, and not more than fits."""

import os
from pathlib import Path

import pytest

from uploads.results import KEEP_S, Results


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
    place = results.place(job_id)
    (place / "0.jpg").write_bytes(bytes(size))
    results.save(job_id, {"owner": owner, "title": "a.jpg", "state": "done", "items": []})
    os.utime(place, (clock.now, clock.now))
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
    (results.place(job_id) / "0-1-heat.jpg").write_bytes(b"")
    assert results.file(job_id, "0-1-heat.jpg") is not None
    assert results.file(job_id, "0-heat.jpg") is None


def test_after_a_day_a_result_is_neither_shown_nor_kept(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    clock.now += KEEP_S + 1
    assert results.load(job_id) is None
    assert results.place(job_id).exists()
    results.sweep()
    assert not results.place(job_id).exists()


def test_of_too_much_the_oldest_goes_first(results: Results, clock: Clock) -> None:
    kept = []
    for _ in range(3):
        kept.append(keep(results, clock, size=300))
        clock.now += 10
    results.sweep()
    assert [results.place(job_id).exists() for job_id in kept] == [False, True, True]


def test_what_is_busy_is_not_swept(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    clock.now += KEEP_S + 1
    results.sweep(frozenset([job_id]))
    assert results.place(job_id).exists()


def test_other_things_in_the_folder_are_left_alone(results: Results, clock: Clock, tmp_path: Path) -> None:
    keep(results, clock)
    other = tmp_path / "jobs" / "mine"
    other.mkdir()
    clock.now += KEEP_S + 1
    results.sweep()
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["mine"]


def test_a_result_that_was_half_written_is_none(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    (results.place(job_id) / "about.json").write_text('{"owner": "ann", ')
    assert results.load(job_id) is None
    assert results.of_owner("ann") == []
    assert results.file(job_id, "0.jpg") is None


def test_lists_and_files_need_not_what_was_read(results: Results, clock: Clock) -> None:
    job_id = keep(results, clock)
    (results.place(job_id) / "items.json").unlink()
    assert [(found, about["title"]) for found, about in results.of_owner("ann")] == [(job_id, "a.jpg")]
    assert results.file(job_id, "0.jpg") is not None
    assert results.load(job_id) is None


def test_a_folder_of_an_earlier_version_is_none(results: Results) -> None:
    job_id = results.begin()
    (results.place(job_id) / "0.jpg").write_bytes(b"")
    (results.place(job_id) / "result.json").write_text('{"owner": "ann", "items": []}')
    assert results.load(job_id) is None
    assert results.of_owner("ann") == []
    assert results.file(job_id, "0.jpg") is None


def test_before_anything_was_kept_there_is_nothing(tmp_path: Path) -> None:
    results = Results(tmp_path / "never")
    results.sweep()
    assert results.of_owner("ann") == []
