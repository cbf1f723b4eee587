"""A data set's report: its tables, and the page."""

import base64
import re
from itertools import chain, repeat
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nn.emotion_net import FERPLUS
from tests.fakes.fer2013 import write_fer2013
from training.data import VOTES, Faces
from training.explore import (
    agreement,
    as_text,
    augmented_sheet,
    classes,
    conflict_sheets,
    detection,
    duplicates,
    light,
    load_splits,
    main,
    outcome_of,
    pictures,
)
from training.explore_plots import sheet
from vision.detector import Detections
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.haar import HaarDetector

pytestmark = pytest.mark.training

HAPPY, FEAR, SAD = (EMOTIONS.index(name) for name in ("happy", "fear", "sad"))


def make_faces(labels: list[int], seed: int = 0) -> Faces:
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 48, 48), dtype=np.uint8)
    return Faces(images, np.array(labels, dtype=np.int64), np.zeros((len(labels), len(VOTES)), dtype=np.int64))


def shaded(shades: list[int], labels: list[int]) -> Faces:
    faces = make_faces(labels)
    faces.images[:] = np.array(shades, dtype=np.uint8)[:, None, None]
    return faces


def write_csv(path: Path, splits: dict[str, Faces]) -> Path:
    rows = (zip(faces.labels, faces.images, repeat(split), strict=False) for split, faces in splits.items())
    return write_fer2013(path, chain.from_iterable(rows))


def write_votes(path: Path, splits: dict[str, Faces], vote: str) -> Path:
    row = ",".join("10" if name == vote else "0" for name in VOTES)
    lines = [f"{split},{row}" for split, faces in splits.items() for _ in faces.labels]
    path.write_text("\n".join((",".join(("Usage", *VOTES)), *lines)))
    return path


def pixels(url: str) -> NDArray[np.uint8]:
    data = base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image.astype(np.uint8, copy=False)


class Seer(HaarDetector):
    """Finds a face in bright pictures only: the middle half."""

    def __init__(self) -> None:
        self.scenes: list[NDArray[np.uint8]] = []

    def detect(self, image: Image) -> Detections:
        self.scenes.append(image)
        side = image.shape[0]
        box = [[side // 4, side // 4, side * 3 // 4, side * 3 // 4]]
        return Detections.of_boxes(np.array(box if image.mean() > 127 else [], np.int32).reshape(-1, 4))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a small data set whose PublicTest holds a mirrored copy under another label."""
    folder = tmp_path_factory.mktemp("explore")
    splits = {"Training": make_faces([*range(7), 3]), "PublicTest": make_faces([3, 4], seed=1)}
    splits["PublicTest"].images[1] = splits["Training"].images[2, :, ::-1]
    data = write_csv(folder / "fer2013.csv", splits)
    votes = write_votes(folder / "fer2013new.csv", splits, "happiness")
    out = folder / "deep" / "out"
    assert main(["--data", str(data), "--ferplus", str(votes), "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["explore.html"]
    assert {path.name for path in folder.iterdir()} == {"fer2013.csv", "fer2013new.csv", "deep"}
    return (out / "explore.html").read_text()


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    sources = re.findall(r"""(?:src|srcset|href)=["']?([^"'\s>]+)""", page)
    assert len(sources) == len(EMOTIONS) + 5  # sheets, and plots
    for source in set(sources):
        assert pixels(source).size > 0
    assert "<script" not in page
    assert "@import" not in page


def test_the_page_has_every_table_and_the_augmented_faces(page: str) -> None:
    assert re.search(r"<td>all<td>8<td>2\b", page)
    assert re.search(r"<td>no face to most FER\+ voters<td>0\b", page)
    assert "<td>brightness<td>" in page
    assert "<td>PublicTest in Training<td>1 (50.0%)<td>1<td>0.0%" in page
    assert "<td>all<td>10<td>30.0%" in page
    assert "<td>class<td>tried<td>Haar: one<td>" in page
    assert "<td>MTCNN: none" in page
    assert "Augmented: as it is, moved (2 rows)" in page


def test_the_first_row_of_the_augmented_sheet_is_as_it_is_and_the_others_are_not() -> None:
    faces = make_faces([*range(7), 3])
    rows = pixels(augmented_sheet(faces).url).reshape(7, 48, 8, 48).swapaxes(1, 2)
    order = np.random.default_rng(0).permutation(8)
    assert np.array_equal(rows[0], faces.images[order])
    assert all((row != rows[0]).mean() > 0.5 for row in rows[1:])


def test_the_page_says_that_it_must_not_be_published(page: str) -> None:
    assert "do not publish it" in page


def test_without_votes_there_is_no_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_csv(tmp_path / "fer2013.csv", {"PrivateTest": make_faces([3, 3, 4])})
    assert main(["--data", str(data), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "The same face twice" in printed
    assert "FER+" not in printed


def test_a_folder_with_one_split_has_one_split(tmp_path: Path) -> None:
    for label, name in enumerate(EMOTIONS):
        path = tmp_path / "test" / name / "face.png"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), make_faces([label]).images[0])
    splits = load_splits(tmp_path, None)
    assert list(splits) == ["PublicTest"]
    assert splits["PublicTest"].labels.tolist() == list(range(7))


def test_a_damaged_split_is_no_absent_split(tmp_path: Path) -> None:
    splits = {"Training": make_faces([3])}
    data = write_csv(tmp_path / "fer2013.csv", splits)
    data.write_text(data.read_text() + "9,1 2 3,PublicTest")
    with pytest.raises(ValueError, match="line 3"):
        load_splits(data, None)


def error_of(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main(list(flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_mistakes_end_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    data = str(write_csv(tmp_path / "fer2013.csv", {"Training": make_faces([3])}))
    assert "no data at" in error_of(capsys, "--data", str(tmp_path / "none.csv"), "--out", out)
    empty = str(write_csv(tmp_path / "empty.csv", {}))
    assert "has no faces" in error_of(capsys, "--data", empty, "--out", out)
    assert "is not fer2013new.csv" in error_of(capsys, "--data", data, "--ferplus", data, "--out", out)
    assert "fer2013.csv" in error_of(capsys, "--data", data, "--out", data)
    assert list(Path(out).iterdir()) == []


def test_the_classes_are_counted_in_each_split() -> None:
    section = classes({split: make_faces([0, 1, 2, 3, 3, 4, 5, 6]) for split in ("Training", "PublicTest")})
    assert section.table[0] == ("class", "Training", "PublicTest")
    assert section.table[4] == ("happy", "2 (25.0%)", "2 (25.0%)")
    assert section.table[-1] == ("all", "8", "8")


def test_pictures_of_nothing_are_counted() -> None:
    faces = make_faces([0, 1, 2])
    assert pictures(faces).table == [("pictures", "3"), ("flat gray", "0")]
    faces.images[1] = 9
    faces.votes[:, VOTES.index("NF")] = (10, 10, 5)
    faces.votes[:, HAPPY] = (0, 0, 5)
    assert pictures(faces).table[1:] == [("flat gray", "1"), ("no face to most FER+ voters", "2")]


def test_brightness_is_the_mean_and_contrast_the_deviation() -> None:
    faces = make_faces([HAPPY])
    faces.images[:] = 0
    faces.images[:, :24] = 200
    assert [row[:4] for row in light(faces).table[1:]] == [
        ("brightness", "100", "100", "100"),
        ("contrast", "100", "100", "100"),
    ]


def test_the_emotion_explains_all_or_nothing_of_the_brightness() -> None:
    decided = light(shaded([50, 50, 90, 90], [0, 0, 1, 1])).table
    assert decided[1] == ("brightness", "50", "70", "90", "100.0%")
    assert decided[2][-1] == "0.0%"
    assert light(shaded([50, 90, 50, 90], [0, 0, 1, 1])).table[1][-1] == "0.0%"


def test_copies_are_counted_within_and_across_splits() -> None:
    splits = {"Training": make_faces([0, 1, 0]), "PublicTest": make_faces([0, 2, 3, 4], seed=1)}
    training, test = splits["Training"].images, splits["PublicTest"].images
    training[2] = test[0] = training[0]
    test[3] = test[2]
    assert duplicates(splits).table[1:] == [
        ("Training in itself", "2 (66.7%)", "1", "100.0%"),
        ("PublicTest in Training", "1 (25.0%)", "2", "100.0%"),
        ("PublicTest in itself", "2 (50.0%)", "1", "0.0%"),
    ]


def test_faces_without_a_copy_occur_once() -> None:
    section = duplicates({"Training": make_faces([0, 1])})
    assert section.table[1:] == [("Training in itself", "0 (0.0%)", "0", "")]
    assert as_text(section).splitlines()[0] == "The same face twice"


def test_only_copies_that_show_something_are_shown() -> None:
    faces = make_faces([HAPPY, SAD, HAPPY, FEAR, SAD])
    faces.images[3:] = 9
    sheets = conflict_sheets(faces, np.array([[0, 1], [1, 2], [3, 4]]))
    assert sorted(s.caption for s in sheets) == ["happy and sad", "sad and happy"]
    shown = {s.caption: pixels(s.url) for s in sheets}
    assert np.array_equal(shown["sad and happy"], np.hstack((faces.images[1], faces.images[2])))


def test_only_copies_with_two_labels_are_shown() -> None:
    faces = make_faces([HAPPY, HAPPY, SAD])
    faces.images[:] = faces.images[0]
    assert {s.caption for s in duplicates({"Training": faces}).pictures} == {"happy and sad"}


def test_agreement_is_with_the_strict_majority() -> None:
    faces = make_faces([HAPPY, HAPPY, FEAR, FEAR, FEAR, SAD])
    faces.votes[:2, HAPPY] = 9
    faces.votes[2, FEAR] = 9
    faces.votes[3:5, SAD] = 9
    faces.votes[5, [HAPPY, SAD]] = 5
    table = {row[0]: row[1:] for row in agreement(faces).table}
    assert table["happy"][:2] == ("2", "100.0%")
    assert table["fear"][:2] == ("3", "33.3%")
    assert table["fear"][2 + FERPLUS.index("sad")] == "67%"
    assert table["all"][:2] == ("5", "60.0%")  # half of the votes are no majority


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([(48, 48, 144, 144)], "one"),
        ([(60, 60, 150, 150)], "one"),
        ([(0, 0, 60, 60)], "misplaced"),
        ([(48, 48, 144, 144), (0, 0, 40, 40)], "several"),
        ([], "none"),
    ],
)
def test_a_face_is_found_once_or_badly_cut_or_several_times_or_not(
    found: list[tuple[int, ...]], outcome: str
) -> None:
    class Finder(Seer):
        def detect(self, image: Image) -> Detections:
            assert image.shape == (192, 192, 3)  # enlarged, amid its own edges
            assert (image == 200).all()
            return Detections.of_boxes(np.array(found, dtype=np.int32).reshape(-1, 4))

    assert outcome_of(shaded([200], [0]).images[0], Finder()) == outcome


def test_each_detector_is_given_the_same_faces() -> None:
    faces = shaded([200] * 3 + [20], [HAPPY] * 3 + [SAD])
    table = detection(faces, {"a": Seer(), "b": Seer()}).table
    outcomes = [f"{title}: {outcome}" for title in "ab" for outcome in ("one", "several", "misplaced", "none")]
    assert table == [
        ("class", "tried", *outcomes),
        ("happy", "3", *("3", "0", "0", "0") * 2),
        ("sad", "1", *("0", "0", "0", "1") * 2),
    ]


def test_a_sheet_shows_the_faces_row_by_row() -> None:
    images = make_faces([0] * 17).images
    shown = pixels(sheet(images, "").url)
    assert shown.shape == (96, 384)
    assert np.array_equal(shown[:48, 48:96], images[1])
    assert np.array_equal(shown[48:, :48], images[8])
