"""Sample faces: averages of aligned faces that are nobody's photograph."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.fer2013 import write_fer2013
from training.composites import (
    align,
    best,
    clear_faces,
    clearness,
    composite,
    distinct,
    main,
    similarity,
)
from training.data import VOTES, Faces
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
Stack = NDArray[np.float32]


def drawn_face(dx: float = 0, dy: float = 0) -> Stack:
    """Two eyes and a mouth, moved by dx, dy px."""
    y, x = np.mgrid[:48, :48].astype(np.float32)
    face = np.full((48, 48), 160, dtype=np.float32)
    for cx, cy, width, height in ((16, 19, 4, 2.5), (32, 19, 4, 2.5), (24, 35, 8, 2)):
        face -= 110 * np.exp(-(((x - cx - dx) / width) ** 2) - ((y - cy - dy) / height) ** 2)
    return face


def noise(n: int, seed: int = 0) -> Stack:
    return np.random.default_rng(seed).uniform(0, 255, (n, 48, 48)).astype(np.float32)


def write_votes(path: Path, *rows: str) -> Path:
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


def write_faces(path: Path, labels: list[int]) -> Path:
    return write_fer2013(path, [(label, np.full(48 * 48, 7), "Training") for label in labels])


def test_a_face_is_wholly_similar_to_itself() -> None:
    faces = noise(3)
    correlation = similarity(faces, faces)
    assert correlation.diagonal() == pytest.approx([1, 1, 1], abs=1e-5)
    assert abs(correlation[0, 1]) < 0.2


def test_similarity_forgets_brightness_contrast_and_corners() -> None:
    faces = noise(1)
    other = faces * 0.4 + 50
    other[:, :6, :6] = 255
    assert similarity(faces, other)[0, 0] == pytest.approx(1, abs=1e-5)


def test_a_negative_is_wholly_dissimilar() -> None:
    faces = noise(1)
    assert similarity(faces, 255 - faces)[0, 0] == pytest.approx(-1, abs=1e-5)


def test_distinct_drops_copies() -> None:
    first, second, third = noise(3)
    nearly = first + noise(1, seed=9)[0] * 0.01
    faces = np.stack((first, nearly, second, first, third))
    assert distinct(faces, 0.9, 10) == [0, 2, 4]


def test_distinct_returns_no_more_than_the_maximum() -> None:
    assert distinct(noise(5), 0.9, 2) == [0, 1]


def test_align_brings_a_moved_face_back_onto_the_mean() -> None:
    faces = np.stack([drawn_face(), drawn_face(2, 1), drawn_face(-2, -1)])
    assert similarity(faces, faces).min() < 0.7
    aligned = align(faces)
    assert aligned.shape == (3, 48, 48)
    assert similarity(aligned, aligned).min() > 0.97


def test_align_leaves_out_a_face_that_does_not_fit() -> None:
    faces = np.stack([*[drawn_face(dx) for dx in (-1, 0, 0, 1)], np.full((48, 48), 90, dtype=np.float32)])
    assert len(align(faces)) == 4


def test_equal_faces_are_clear_and_a_mixture_is_a_ghost() -> None:
    assert clearness(np.stack([drawn_face()] * 4)) == pytest.approx(1, abs=1e-4)
    assert clearness(noise(25)) < 0.4


def with_votes(labels: list[int], emotion: str, votes: list[int]) -> Faces:
    """Faces whose gray level is their number; ten people voted on each, so many for the emotion."""
    table = np.zeros((len(labels), len(VOTES)), dtype=np.int64)
    table[:, EMOTIONS.index(emotion)] = votes
    table[:, VOTES.index("unknown")] = 10 - np.array(votes)
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(48, 2)
    return Faces(images, np.array(labels, dtype=np.int64), table)


def test_clear_faces_are_those_on_which_label_and_voters_agree() -> None:
    clear = clear_faces(with_votes([3, 3, 0, 3], "happy", [8, 7, 10, 10]), "happy")
    assert clear.dtype == np.float32
    assert clear[:, 0, 0].tolist() == [0, 3]


def test_rare_emotions_need_fewer_votes() -> None:
    assert len(clear_faces(with_votes([1, 1], "disgust", [4, 3]), "disgust")) == 1


def test_a_face_without_votes_is_not_clear() -> None:
    faces = Faces(np.zeros((1, 48, 48), np.uint8), np.array([3]), np.zeros((1, 10), np.int64))
    assert len(clear_faces(faces, "happy")) == 0


def varied_faces(n: int) -> Stack:
    """The drawn face n times, with noise of its own each."""
    smooth = [cv2.GaussianBlur(face, (0, 0), 1.0) for face in noise(n) - 127]
    return np.stack([drawn_face() + face for face in smooth]).astype(np.float32)


def test_a_composite_is_more_like_the_face_behind_it_than_any_of_its_parts() -> None:
    faces = varied_faces(14)
    made = composite(faces, 0)
    assert made is not None
    clear, sample = made
    assert 0 < clear < 1
    assert sample.shape == (192, 192)
    assert sample.dtype == np.uint8
    small = cv2.resize(sample, (48, 48), interpolation=cv2.INTER_AREA).astype(np.float32)
    ideal = drawn_face()[None]
    assert similarity(small[None], ideal)[0, 0] > similarity(faces, ideal).max()


def test_too_few_faces_make_no_composite() -> None:
    assert composite(varied_faces(9), 0) is None


def test_copies_of_one_photograph_make_no_composite() -> None:
    assert composite(np.stack([drawn_face()] * 20), 0) is None


def test_one_photograph_moved_about_makes_no_composite() -> None:
    moved = [drawn_face(dx, dy) for dx in (-4, -2, 0, 2, 4) for dy in (-2, 0, 2)]
    assert len(distinct(np.stack(moved), 0.97, 24)) == 15
    assert composite(np.stack(moved), 7) is None


def test_faces_that_cannot_be_aligned_make_no_composite() -> None:
    assert composite(np.full((12, 48, 48), 90, dtype=np.float32), 0) is None


def test_the_clearest_samples_that_differ_are_the_best() -> None:
    first, second = noise(2).astype(np.uint8)
    large = [np.kron(face, np.ones((4, 4), dtype=np.uint8)) for face in (first, second, first)]
    kept = best([(0.2, large[0]), (0.5, large[1]), (0.9, large[2])], 3)
    assert len(kept) == 2
    assert kept[0] is large[2]
    assert kept[1] is large[1]


def test_without_candidates_there_is_no_best_sample() -> None:
    assert best([], 8) == []


def error_of(data: Path, votes: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["--data", str(data), "--ferplus", str(votes), "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert not out.exists()
    return captured.err


def test_missing_faces_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    votes = write_votes(tmp_path / "fer2013new.csv", "Training,a.png,0,10,0,0,0,0,0,0,0,0")
    assert "no data at" in error_of(tmp_path / "none.csv", votes, tmp_path / "out", capsys)


def test_missing_votes_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces = write_faces(tmp_path / "fer2013.csv", [3])
    assert "none.csv" in error_of(faces, tmp_path / "none.csv", tmp_path / "out", capsys)


@pytest.mark.parametrize(
    "content",
    ["a,b\n1,2\n", "", f"{HEADER}\nTraining,a.png,0,10\n", f"{HEADER}\nTraining,a.png" + ",x" * 10],
    ids=["another header", "empty", "a short row", "no numbers"],
)
def test_a_file_without_votes_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    faces = write_faces(tmp_path / "fer2013.csv", [3])
    votes = tmp_path / "fer2013new.csv"
    votes.write_text(content)
    assert "fer2013new.csv" in error_of(faces, votes, tmp_path / "out", capsys)


def test_votes_for_other_faces_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces = write_faces(tmp_path / "fer2013.csv", [3, 3])
    votes = write_votes(tmp_path / "fer2013new.csv", *["Training,a.png,0,10,0,0,0,0,0,0,0,0"] * 3)
    assert "fer2013new.csv" in error_of(faces, votes, tmp_path / "out", capsys)


def test_too_few_samples_are_an_error_and_leave_the_old_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = write_faces(tmp_path / "fer2013.csv", [3])
    votes = write_votes(tmp_path / "fer2013new.csv", "Training,a.png,0,0,0,10,0,0,0,0,0,0")
    old = tmp_path / "out" / "angry" / "01.jpg"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    assert main(["--data", str(faces), "--ferplus", str(votes), "--out", str(tmp_path / "out")]) == 1
    assert "error: only 0 samples of angry" in capsys.readouterr().err
    assert old.read_bytes() == b"old"
