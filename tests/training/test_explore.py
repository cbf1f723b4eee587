"""A data set's report: its figures, the sentences drawn from them, and the page."""

import base64
import html
import json
import re
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.fer2013 import write_fer2013
from training.data import VOTES, Faces
from training.explore import load_splits, main
from training.explore_plots import sheet
from training.explore_sections import (
    agreement,
    augmented_sheet,
    classes,
    conflict_sheets,
    detection,
    duplicates,
    light,
    outcome_of,
    pictures,
)
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
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The page and the JSON of a small data set whose PublicTest holds a mirrored copy under another label."""
    folder = tmp_path_factory.mktemp("explore")
    splits = {"Training": make_faces([*range(7), 3]), "PublicTest": make_faces([3, 4], seed=1)}
    splits["PublicTest"].images[1] = splits["Training"].images[2, :, ::-1]
    data = write_csv(folder / "fer2013.csv", splits)
    votes = write_votes(folder / "fer2013new.csv", splits, "happiness")
    out = folder / "deep" / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.report.DPI", 20)
        assert main(["--data", str(data), "--ferplus", str(votes), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"explore.html", "explore.json"}
    assert {path.name for path in folder.iterdir()} == {"fer2013.csv", "fer2013new.csv", "deep"}
    return (out / "explore.html").read_text(), json.loads((out / "explore.json").read_text())


def test_the_page_needs_nothing_but_itself(report: tuple[str, dict[str, Any]]) -> None:
    page, _ = report
    sources = re.findall(r"""(?:src|srcset|href)=["']?([^"'\s>]+)""", page)
    assert len(sources) == len(EMOTIONS) + 6  # sheets, and plots
    for source in set(sources):
        assert pixels(source).size > 0
    assert "<script" not in page
    assert "@import" not in page


def test_the_page_shows_the_sizes_of_the_splits_and_augmented_faces(report: tuple[str, dict[str, Any]]) -> None:
    assert re.search(r"<td>all<td>8<td>2\b", report[0])
    assert "Augmented: as it is, moved (2 rows)" in report[0]


def test_the_first_row_of_the_augmented_sheet_is_as_it_is_and_the_others_are_not() -> None:
    faces = make_faces([*range(7), 3])
    rows = pixels(augmented_sheet(faces).url).reshape(7, 48, 8, 48).swapaxes(1, 2)
    order = np.random.default_rng(0).permutation(8)
    assert np.array_equal(rows[0], faces.images[order])
    assert all((row != rows[0]).mean() > 0.5 for row in rows[1:])


def test_the_page_says_that_it_must_not_be_published(report: tuple[str, dict[str, Any]]) -> None:
    assert "do not publish, commit or share it" in report[0]


def test_every_section_ends_in_a_sentence_on_the_page(report: tuple[str, dict[str, Any]]) -> None:
    page, figures = html.unescape(report[0]), report[1]
    sections = {name: part for name, part in figures.items() if name != "data"}
    assert list(sections) == ["classes", "pictures", "light", "duplicates", "agreement", "detection"]
    for name, part in sections.items():
        assert part["conclusion"].endswith(".")
        assert f'id="{name}"' in page
        assert part["conclusion"] in page


def test_the_figures_are_those_of_the_data(report: tuple[str, dict[str, Any]]) -> None:
    _, figures = report
    assert list(figures["classes"]["counts"]) == ["Training", "PublicTest"]
    assert figures["classes"]["counts"]["Training"] == dict.fromkeys(EMOTIONS, 1) | {"happy": 2}
    copied = [o for o in figures["duplicates"]["overlaps"] if o["faces"]]
    assert copied == [
        {"split": "PublicTest", "other": "Training", "faces": 1, "share": 0.5, "pairs": 1, "same_label": 0}
    ]
    assert figures["agreement"]["share"] == pytest.approx(0.3)
    tried = dict.fromkeys(EMOTIONS, 1) | {"happy": 3, "sad": 2}
    for detector in ("Haar", "MTCNN"):
        counts = figures["detection"]["counts"][detector]
        assert {name: sum(outcomes.values()) for name, outcomes in counts.items()} == tried


def test_without_votes_the_page_has_no_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.report.DPI", 20)
    data = write_csv(tmp_path / "fer2013.csv", {"PrivateTest": make_faces([3, 3, 4])})
    assert main(["--data", str(data), "--out", str(tmp_path / "out")]) == 0
    figures = json.loads((tmp_path / "out" / "explore.json").read_text())
    assert "agreement" not in figures
    assert figures["pictures"]["no_face"] is None
    assert "no face at all for angry, disgust, fear, surprise" in figures["classes"]["conclusion"]


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


def test_the_classes_are_counted_against_always_answering_the_most_frequent() -> None:
    section = classes({split: make_faces([0, 1, 2, 3, 3, 4, 5, 6]) for split in ("Training", "PublicTest")})
    assert "2.0 times as many happy" in section.conclusion
    assert "always answering happy is right on 25.0 %" in section.conclusion
    assert section.table[4] == ("happy", "2 (25.0 %)", "2 (25.0 %)")


def test_pictures_of_nothing_are_counted() -> None:
    faces = make_faces([0, 1, 2])
    assert pictures(faces).figures == {"faces": 3, "flat": 0, "no_face": None}
    faces.images[1] = 9
    faces.votes[:, VOTES.index("NF")] = (10, 10, 5)
    faces.votes[:, HAPPY] = (0, 0, 5)
    assert "1 are flat gray, and 2 show no face" in pictures(faces).conclusion


def test_brightness_is_the_mean_and_contrast_the_deviation() -> None:
    faces = make_faces([HAPPY])
    faces.images[:] = 0
    faces.images[:, :24] = 200
    figures = light(faces).figures
    assert figures["brightness"] == figures["contrast"] == [100, 100, 100]


def test_the_emotion_explains_all_or_nothing_of_the_brightness() -> None:
    decided = light(shaded([50, 50, 90, 90], [0, 0, 1, 1])).figures
    assert decided["brightness_explained"] == pytest.approx(1)
    mixed = light(shaded([50, 90, 50, 90], [0, 0, 1, 1])).figures
    assert mixed["brightness_explained"] == pytest.approx(0)
    assert decided["contrast_explained"] == 0
    assert decided["brightness"] == pytest.approx([50, 70, 90])


def test_copies_are_counted_within_and_across_splits() -> None:
    splits = {"Training": make_faces([0, 1, 0]), "PublicTest": make_faces([0, 2, 3, 4], seed=1)}
    training, test = splits["Training"].images, splits["PublicTest"].images
    training[2] = test[0] = training[0]
    test[3] = test[2]
    section = duplicates(splits)
    assert [tuple(overlap.values()) for overlap in section.figures["overlaps"]] == [
        ("Training", "Training", 2, 2 / 3, 1, 1),
        ("PublicTest", "Training", 1, 1 / 4, 2, 2),
        ("PublicTest", "PublicTest", 2, 2 / 4, 1, 0),
    ]
    assert section.conclusion == "Of 4 pairs of copies 25.0 % bear two labels."
    assert section.table[2] == ("PublicTest in Training", "1 (25.0 %)", "2", "100.0 %")


def test_faces_without_a_copy_occur_once() -> None:
    assert duplicates({"Training": make_faces([0, 1])}).conclusion == "No face occurs twice."


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
    figures = agreement(faces).figures
    assert (figures["faces"], figures["undecided"]) == (5, 1)
    assert figures["share"] == pytest.approx(0.6)
    assert figures["shares"] == pytest.approx({"happy": 1, "fear": 1 / 3})
    assert figures["counts"]["fear"]["sad"] == 2


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([(48, 48, 144, 144)], "one"),
        ([(60, 60, 150, 150)], "one"),
        ([(0, 0, 60, 60)], "one misplaced"),
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
    section = detection(faces, {"a": Seer(), "b": Seer()})
    counts = section.figures["counts"]
    assert counts["a"] == counts["b"]
    assert counts["a"] == {
        "happy": {"one": 3, "several": 0, "one misplaced": 0, "none": 0},
        "sad": {"one": 0, "several": 0, "one misplaced": 0, "none": 1},
    }
    assert "a finds one face in 75.0 %, b finds" in section.conclusion


def test_a_sheet_shows_the_faces_row_by_row() -> None:
    images = make_faces([0] * 17).images
    shown = pixels(sheet(images, "").url)
    assert shown.shape == (96, 384)
    assert np.array_equal(shown[:48, 48:96], images[1])
    assert np.array_equal(shown[48:, :48], images[8])
