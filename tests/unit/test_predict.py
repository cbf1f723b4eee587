"""python predict.py: the same reading on the command line."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import predict
from settings import Settings
from tests.fakes.files import zip_of
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from uploads.recognizer import Recognizer
from vision.jpeg import encode_jpeg
from vision.pipeline import Pipeline

JPEG = encode_jpeg(bright_image(), 95)


def fake_readers(_: Settings) -> tuple[Recognizer, Callable[[], Pipeline]]:
    return fake_recognizer(), fake_pipeline


@pytest.fixture
def folder(tmp_path: Path, clip: bytes) -> Path:
    """A folder with a picture, one without a face, a ZIP, a video, a text, and what is no picture."""
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(JPEG)
    (folder / "deep" / "a.JPG").write_bytes(encode_jpeg(plain_image(20), 90))
    (folder / "c.zip").write_bytes(zip_of(("../in.jpg", JPEG)))
    (folder / "d.avi").write_bytes(clip)
    (folder / "e.png").write_bytes(b"<html>")
    (folder / "notes.txt").write_text("no picture, either")
    (folder / "deep" / "._a.JPG").write_bytes(b"\0\5\x16\7 which macOS adds")
    (folder / ".DS_Store").write_bytes(b"as this")
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str], str]:
    """Return the exit code, the lines printed, and the text on standard error."""
    code = predict.main([str(argument) for argument in arguments], make_readers=fake_readers)
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err


def test_a_folder_is_printed_in_a_line_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, errors = run(capsys, folder)
    assert code == 0
    assert lines == [
        f"{folder}/a.jpg: happy 70%",
        "../in.jpg: happy 70%",
        f"{folder}/deep/a.JPG: no face",
        f"{folder}/d.avi: 12 frames, 11 with faces; face 1 mostly happy",
    ]
    assert f"{folder}/e.png: This is not a picture" in errors
    assert f"{folder}/notes.txt: This is not a picture" in errors
    assert errors.count("\n") == 2  # what systems add is not named


def test_in_a_folder_the_bytes_decide_and_what_is_not_read_is_listed(
    tmp_path: Path, clip: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    (folder / "locked").mkdir(parents=True)
    for name in ("noext", "pic.jfif", "pic.JPE", "photo.txt"):
        (folder / name).write_bytes(JPEG)
    (folder / "clip.dat").write_bytes(clip)
    (folder / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (folder / "huge.iso").write_bytes(b"CD001")
    os.truncate(folder / "huge.iso", 60_000_000)
    os.mkfifo(folder / "pipe")
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    code, lines, errors = run(capsys, folder)
    assert code == 0
    assert [line.partition(":")[0].removeprefix(f"{folder}/") for line in lines] == [
        "noext",
        "photo.txt",
        "pic.JPE",
        "pic.jfif",
        "clip.dat",
    ]
    assert f"{folder}/IMG_1.HEIC: HEIC pictures cannot be read" in errors
    assert f"{folder}/huge.iso: This is not a picture" in errors
    assert f"{folder}/pipe: It is no ordinary file." in errors
    assert f"{folder}/round: It is a link to a folder, which is not followed." in errors
    assert f"{folder}/gone.jpg: The file cannot be read: No such file or directory." in errors
    assert errors.count("\n") == 5


def test_a_folder_in_which_nothing_can_be_read_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    code, _, errors = run(capsys, tmp_path)
    assert code == 1
    assert errors == (
        f"{tmp_path}/notes.txt: This is not a picture: JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF can be read.\n"
        "error: nothing could be read\n"
    )


def test_json_is_an_object_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = run(capsys, folder, "--json")
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert code == 0
    assert records[0]["faces"][0]["emotion"] == "happy"
    assert [one["frame"] for one in records if "frame" in one] == list(range(12))
    problems = [one["file"] for one in records if "problem" in one]
    assert problems == [f"{folder}/e.png", f"{folder}/notes.txt"]


def test_the_csv_has_a_row_a_face(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, folder, "--csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["emotion"] for row in rows if row["file"].endswith("in.jpg")] == ["happy"]
    assert [row["remark"] for row in rows if row["file"].endswith("a.JPG")] == ["no face"]
    assert [row["frame"] for row in rows if row["file"].endswith(".avi")] == [str(i) for i in range(1, 12)]


def test_a_cut_face_is_read_as_a_whole_and_every_picture_is_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, image in (("cut", plain_image(20, 48, 48)), ("wide", plain_image(20, 300, 600))):
        (tmp_path / f"{name}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    note = "No face was found; the whole picture was read as one. It may not be a face."
    assert run(capsys, tmp_path)[1] == [f"{tmp_path}/cut.png: unsure ({note})", f"{tmp_path}/wide.png: no face"]
    note = "The whole picture was read as a face."
    _, lines, _ = run(capsys, tmp_path, "--whole", "--csv", tmp_path / "out.csv")
    assert lines == [f"{tmp_path}/{name}.png: happy 70% ({note})" for name in ("cut", "wide")]
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["x2"], row["y2"], row["remark"]) for row in rows] == [("48", "48", note), ("600", "300", note)]


def test_whole_is_for_the_pictures_in_a_zip_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = encode_jpeg(plain_image(20, 300, 600), 90)
    (tmp_path / "a.zip").write_bytes(zip_of(("a.jpg", wide), ("b.jpg", wide)))
    _, lines, _ = run(capsys, tmp_path / "a.zip", "--whole", "--json")
    assert [json.loads(line)["whole"] for line in lines] == [True, True]


def test_annotated_copies_have_names_of_their_own_and_stay_in_their_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, folder, "--annotated", tmp_path / "new" / "out")
    names = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert names in ({"a.jpg", "a-2.jpg", "in.jpg", "d.mp4"}, {"a.jpg", "a-2.jpg", "in.jpg", "d.webm"})
    assert not (tmp_path / "new" / "in.jpg").exists()


def test_where_nothing_can_be_read_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    code, lines, errors = run(capsys, tmp_path / "a.jpg", tmp_path / "missing.jpg")
    assert (code, lines) == (1, [])
    assert f"{tmp_path}/a.jpg: The file is empty." in errors
    assert f"{tmp_path}/missing.jpg: The file cannot be read: No such file or directory." in errors
    assert errors.endswith("error: nothing could be read\n")


def test_an_empty_folder_has_nothing_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, tmp_path)[0] == 1


def test_what_cannot_be_written_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, errors = run(capsys, folder / "a.jpg", "--csv", "/nowhere/out.csv")
    assert code == 2
    assert errors.splitlines()[-1] == "error: cannot write /nowhere/out.csv: No such file or directory"


def test_a_setting_that_cannot_be_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_MIN_FACE_PX", "3")
    code, _, errors = run(capsys, folder / "a.jpg")
    assert (code, errors) == (2, "error: --min-face-px must be from 20 to 1000, not 3\n")


def test_with_blur_the_copies_show_no_face(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_BLUR", "true")
    noise = np.random.default_rng(0).integers(160, 255, (240, 320, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    assert run(capsys, tmp_path / "a.png", "--annotated", tmp_path / "out")[0] == 0
    copy = cv2.imread(str(tmp_path / "out" / "a.jpg"), cv2.IMREAD_GRAYSCALE)
    assert copy is not None
    assert copy[100:110, 100:110].std() < 3 < noise[100:110, 100:110].std()


def test_faces_are_read_against_a_resting_face(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = tmp_path / "rest"
    rest.mkdir()
    (rest / "1.jpg").write_bytes(JPEG)
    code, lines, _ = run(capsys, folder / "a.jpg", folder / "d.avi", "--rest", rest)
    assert code == 0
    assert len(lines) == 2
    assert "happy" not in " ".join(lines)  # it is no happier than at rest


def test_a_folder_without_a_resting_face_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, errors = run(capsys, folder / "a.jpg", "--rest", tmp_path / "nowhere")
    assert (code, lines) == (2, [])
    assert "No face was found in the pictures of the resting face." in errors
