"""A picture of a result without a face, read again as a face."""

import csv
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.fakes.files import anonymous, zip_of
from tests.fakes.images import bright_image, make_track, plain_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.waiting import PATIENCE_S, until
from uploads.jobs import Jobs
from uploads.rereading import replace_row
from uploads.results import KEEP_S, TABLE, Results
from uploads.whole import ASKED_NOTE
from vision.faces import COLUMNS, NO_FACE, REMARK_COLUMN, Table, face_rows, remark_row
from vision.jpeg import encode_jpeg

FACE = encode_jpeg(bright_image(), 95)
NOBODY = encode_jpeg(plain_image(20), 95)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "jobs")


@pytest.fixture
def jobs(results: Results) -> Iterator[Jobs]:
    with closing(Jobs(results, fake_recognizer(), fake_pipeline, 90, blur=False)) as jobs:
        yield jobs


def send(jobs: Jobs, *files: tuple[str, bytes], whole: bool = False) -> str:
    """Return the id of a job that has ended."""
    job_id = jobs.submit("ann", [(name, anonymous(data)) for name, data in files], whole=whole)
    assert job_id
    until(lambda: jobs.find(job_id) is None)
    return job_id


def items_of(results: Results, job_id: str) -> list[dict[str, Any]]:
    result = results.load(job_id)
    assert result
    items: list[dict[str, Any]] = result["items"]
    return items


def rows_of(results: Results, job_id: str) -> list[dict[str, str]]:
    with (results.folder(job_id) / TABLE).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_picture_gets_one_face_that_is_all_of_it(jobs: Jobs, results: Results) -> None:
    large = encode_jpeg(plain_image(20, 1200, 2400), 90)  # of which the result keeps a smaller copy
    job_id = send(jobs, ("a.jpg", FACE), ("b.jpg", large), ("c.jpg", NOBODY))
    before = items_of(results, job_id)
    assert jobs.read_as_face(job_id, 1) is True
    first, second, third = items_of(results, job_id)
    assert (first, third) == (before[0], before[2])
    assert (second["whole"], second["note"]) == (True, ASKED_NOTE)
    assert (second["width"], second["height"]) == (2400, 1200)
    [face] = second["faces"]
    assert (face["track_id"], face["box"], face["emotion"], face["sure"]) == (
        1,
        [0, 0, 2400, 1200],
        "happy",
        True,
    )
    for name in (second["scene"], *second["crops"], *second["heats"]):
        assert results.file(job_id, name)
    scene = cv2.imread(str(results.folder(job_id) / second["scene"]))
    assert scene is not None
    assert (scene[:12, :200].max(axis=(0, 1)) > 100).any()  # its box is drawn


def test_its_row_is_replaced_and_no_other_though_names_and_rows_are_alike(jobs: Jobs, results: Results) -> None:
    job_id = send(jobs, *(("=a;-b.jpg", NOBODY),) * 3, ("=a;-b.jpg", FACE), ("c.jpg", b"<html>"))
    before = rows_of(results, job_id)
    assert jobs.read_as_face(job_id, 1) is True
    after = rows_of(results, job_id)
    assert [row["remark"] for row in after[:4]] == ["no face", ASKED_NOTE, "no face", ""]
    assert (after[1]["file"], after[1]["emotion"], after[1]["sure"]) == ("'=a;'-b.jpg", "happy", "1")
    assert [*after[:1], *after[2:]] == [*before[:1], *before[2:]]
    assert jobs.read_as_face(job_id, 2) is True
    assert [row["remark"] for row in rows_of(results, job_id)[:4]] == ["no face", ASKED_NOTE, ASKED_NOTE, ""]
    assert len(list(results.rows("ann"))) == results.count_rows("ann") == 5


def test_a_table_that_version_0_1_wrote_keeps_its_columns(tmp_path: Path) -> None:
    columns = COLUMNS[: REMARK_COLUMN + 1]
    table = tmp_path / "faces.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        Table(file, columns).add([remark_row("a.jpg", NO_FACE)[: len(columns)]])
    replace_row(table, "a.jpg", 0, face_rows("a.jpg", [make_track(1, (0, 0, 9, 9))], remark="small")[0])
    with table.open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert (tuple(row), row["emotion"], row["remark"]) == (columns, "happy", "small")


def test_it_works_where_a_job_of_its_own_has_read_the_pictures(
    jobs: Jobs, results: Results, clip: bytes
) -> None:
    job_id = send(jobs, ("clip.avi", clip), ("a.zip", zip_of(("a.jpg", NOBODY), ("b.jpg", NOBODY))))
    before = rows_of(results, job_id)
    assert jobs.read_as_face(job_id, 2) is True
    after = rows_of(results, job_id)
    assert after[:-1] == before[:-1]
    assert (before[-1]["remark"], after[-1]["remark"]) == ("no face", ASKED_NOTE)


def test_a_picture_with_faces_stays_as_it_is_and_no_other_number_is_one(jobs: Jobs, results: Results) -> None:
    job_id = send(jobs, ("a.jpg", FACE), ("b.jpg", b"<html>"))
    before = items_of(results, job_id)
    assert jobs.read_as_face(job_id, 0) is True
    assert [jobs.read_as_face(job_id, number) for number in (1, 2, -1)] == [False] * 3
    assert jobs.read_as_face("x" * 22, 0) is False
    assert items_of(results, job_id) == before


def test_the_result_does_not_grow_younger(tmp_path: Path) -> None:
    results = Results(tmp_path / "jobs", clock=lambda: time.time() - 3600)  # what is kept is an hour old
    with closing(Jobs(results, fake_recognizer(), fake_pipeline, 90, blur=False)) as jobs:
        job_id = send(jobs, ("a.jpg", NOBODY))
        about = results.about(job_id)
        jobs.read_as_face(job_id, 0)
    assert about
    assert results.about(job_id) == about
    Results(tmp_path / "jobs", clock=lambda: about["made_at"] + KEEP_S - 1).sweep()
    assert results.folder(job_id).exists()
    Results(tmp_path / "jobs", clock=lambda: about["made_at"] + KEEP_S + 1).sweep()
    assert not results.folder(job_id).exists()


def test_with_blur_the_face_is_hidden(results: Results) -> None:
    noise = np.random.default_rng(0).integers(0, 140, (300, 600, 3), dtype=np.uint8)
    with closing(Jobs(results, fake_recognizer(), fake_pipeline, 95, blur=True)) as jobs:
        job_id = send(jobs, ("a.png", cv2.imencode(".png", noise)[1].tobytes()))
        path = results.folder(job_id) / "0.jpg"
        before = cv2.imread(str(path))
        assert jobs.read_as_face(job_id, 0) is True
        after = cv2.imread(str(path))
    assert before is not None
    assert after is not None
    assert after[100:110, 100:110].std() < 3 < before[100:110, 100:110].std()


def test_two_at_once_do_not_undo_each_other(jobs: Jobs, results: Results) -> None:
    job_id = send(jobs, *((f"{number}.jpg", NOBODY) for number in range(8)))
    threads = [threading.Thread(target=jobs.read_as_face, args=(job_id, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [item["whole"] for item in items_of(results, job_id)] == [True] * 8
    assert [row["remark"] for row in rows_of(results, job_id)] == [ASKED_NOTE] * 8


@pytest.mark.parametrize("packed", [False, True])
def test_a_whole_upload_can_be_sent_as_faces(jobs: Jobs, results: Results, packed: bool) -> None:
    files = [("a.zip", zip_of(("a.jpg", NOBODY)))] if packed else [("a.jpg", NOBODY)]
    [item] = items_of(results, send(jobs, *files, whole=True))
    assert (item["whole"], len(item["faces"])) == (True, 1)


@pytest.mark.parametrize("size_px", [(1, 1), (3000, 1), (1, 3000), (20, 1000)])
def test_a_picture_of_any_shape_can_be_sent_as_a_face(
    jobs: Jobs, results: Results, size_px: tuple[int, int]
) -> None:
    width, height = size_px
    image = plain_image(90, height, width)
    [item] = items_of(results, send(jobs, ("a.png", cv2.imencode(".png", image)[1].tobytes()), whole=True))
    assert [face["box"] for face in item["faces"]] == [[0, 0, width, height]]
