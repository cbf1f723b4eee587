"""The stages of the portraits: faces that agree, aligned, averaged, given expressions, painted and checked."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sources.demo import HANGINGS, DemoSource
from tests.fakes.faces import drawn_face
from training.data import VOTES, Faces
from training.portraits import choose as choose_stage
from training.portraits.__main__ import main
from training.portraits.align import Aligned, align
from training.portraits.average import average
from training.portraits.canvas import SIDE, Plane, blur, detail, ellipse, place
from training.portraits.check import PortraitError, canvas_of, check_detection, check_likeness, likeness
from training.portraits.choose import choose
from training.portraits.expressions import Expression, at_rest, express
from training.portraits.flow import WHOLE_FACE, after, flow_between, inverted
from training.portraits.looks import find_looks
from training.portraits.paint_face import paint_face
from training.portraits.proportions import Proportions, reshape
from training.portraits.save import as_grid, write_portraits
from training.portraits.sitters import SITTERS
from training.portraits.stages import Person, paint_apart, paint_person
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector

pytestmark = pytest.mark.training

HAPPY, NEUTRAL = EMOTIONS.index("happy"), EMOTIONS.index("neutral")
IDENTITY = np.eye(2, 3, dtype=np.float32)
STILL = np.zeros((SIDE, SIDE, 2), np.float32)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def voted(images: list[NDArray[np.uint8]], labels: list[int], share: float = 1.0) -> Faces:
    """Return faces whose voters chose their label with this share, and fear else."""
    votes = np.zeros((len(images), len(VOTES)), np.int64)
    votes[:, EMOTIONS.index("fear")] = 10 - round(10 * share)
    votes[np.arange(len(images)), labels] += round(10 * share)
    return Faces(np.array(images), np.array(labels, np.int64), votes)


def a_face(eye_y: float = 111.0, mouth_y: float = 197.0) -> Plane:
    """Return a smooth symmetric face (256, 256): dark eyes, brows and mouth on a light oval."""
    face = 1.5 * ellipse(127.5, 131, 76, 114, 0.1) - 1
    for x in (94.0, 161.0):
        face -= 1.6 * ellipse(x, eye_y, 15, 8, 0.6) + 1.2 * ellipse(x, eye_y - 22, 22, 5, 0.6)
    face -= 1.4 * ellipse(127.5, mouth_y, 28, 9, 0.6) + 0.5 * ellipse(127.5, 160, 12, 7, 0.8)
    return np.asarray(face, np.float32)


def darkest_row(face: Plane, column: int, top: int, bottom: int) -> float:
    """Return the middle of what is dark in a column, between two rows."""
    dark = np.maximum(-face[top:bottom, column], 0) ** 4
    return float((np.arange(top, bottom) * dark).sum() / dark.sum())


def test_faces_are_chosen_whose_voters_agree_and_each_once(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = drawn_face(3, rng), drawn_face(0, rng)
    every = voted([first, np.ascontiguousarray(first[:, ::-1]), second] * 7, [*np.repeat(range(7), 3)])
    monkeypatch.setattr(choose_stage, "MIN_FACES", 2)
    assert np.bincount(choose(every).labels).tolist() == [2] * 7
    doubted = voted([*every.images], [*every.labels], share=0.7)
    with pytest.raises(ValueError, match="the data has 0 clear faces of happy; the portraits need 2"):
        choose(doubted)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_faces_that_are_shifted_are_brought_together(rng: np.random.Generator, executor: Executor) -> None:
    face = cv2.GaussianBlur(drawn_face(3, rng), (0, 0), 1.0)
    offsets = [(0, 0), (2, 0), (-2, 1), (0, 2), (1, -2), (0, 0)]
    images = [np.asarray(np.roll(face, offset, axis=(1, 0)), np.uint8) for offset in offsets]
    aligned = align(voted(images, [NEUTRAL] * len(images)), executor)
    assert aligned.scores.min() > 0.8
    shifts = aligned.warps[:, :, :2] @ [23.5, 23.5] + aligned.warps[:, :, 2] - 23.5
    assert shifts - shifts[0] == pytest.approx(np.array(offsets, float), abs=0.5)


def test_a_dense_average_is_sharper_than_a_plain_mean(rng: np.random.Generator, executor: Executor) -> None:
    small = cv2.resize(a_face()[32:224, 32:224], (48, 48), interpolation=cv2.INTER_AREA) * 50 + 128
    moved = [np.array([[1, 0, x], [0, 1, y]]) for x, y in rng.uniform(-1.5, 1.5, (12, 2))]
    images = [cv2.warpAffine(small, m, (48, 48), borderMode=cv2.BORDER_REPLICATE) for m in moved]
    faces = np.clip(images, 0, 255).astype(np.uint8)
    aligned = Aligned(faces, np.full(12, NEUTRAL), np.array([IDENTITY] * 12), np.ones(12))
    dense = average(aligned, np.arange(12), executor, keep=0.8)
    plain = np.mean([aligned.place(row)[0] for row in range(12)], axis=0)
    assert np.std(dense.image - blur(dense.image, 6)) > 1.1 * np.std(plain - blur(plain, 6))
    assert 6 <= len(dense.rows) <= 12


def test_faces_of_two_kinds_fall_into_two_groups(rng: np.random.Generator) -> None:
    kinds = [a_face(eye_y=104), a_face(eye_y=118)]
    smalls = [cv2.resize(kind[32:224, 32:224], (48, 48), interpolation=cv2.INTER_AREA) for kind in kinds]
    images = [np.clip(smalls[n % 2] * 50 + 128 + rng.normal(0, 4, (48, 48)), 0, 255) for n in range(40)]
    labels = np.where(np.arange(40) < 20, HAPPY, NEUTRAL)
    aligned = Aligned(np.array(images, np.uint8), labels, np.array([IDENTITY] * 40), np.ones(40))
    looks = find_looks(aligned)
    for centre in looks.groups(2):
        alike = looks.most_like(centre, np.arange(20, 40))[:8]
        assert len({int(row) % 2 for row in alike}) == 1


def test_a_flow_leads_to_the_other_face_and_back() -> None:
    flow = flow_between(a_face(), a_face(mouth_y=203), (16, 12, 9), WHOLE_FACE)
    assert flow[197, 128, 1] == pytest.approx(6, abs=2.5)
    assert abs(flow[60, 40]).max() < 1.5
    assert abs(after(flow, inverted(flow)))[100:200, 60:196].max() < 0.7
    assert flow[:, ::-1, 0] == pytest.approx(-flow[..., 0], abs=0.2)


def test_an_expression_is_carried_to_a_person_whose_eyes_stay() -> None:
    rest, happy, person = a_face(), a_face(mouth_y=203), a_face(eye_y=106)
    at_ease = at_rest(rest, person)
    flow = flow_between(rest, happy, (18, 14, 10), WHOLE_FACE)
    carried = express(rest, at_ease, happy, flow, happy, share=0.0, gain=1.0)
    assert darkest_row(carried.face, 94, 95, 125) == pytest.approx(darkest_row(person, 94, 95, 125), abs=3)
    assert darkest_row(carried.face, 128, 180, 220) == pytest.approx(203, abs=3)


def test_proportions_move_the_eyes_and_keep_the_flow_with_the_face() -> None:
    before = Expression(a_face(), STILL)
    moved = reshape(before, Proportions(eyes_up=4))
    eyes = [darkest_row(one.face, 94, 95, 125) for one in (before, moved)]
    assert eyes[1] == pytest.approx(eyes[0] - 4, abs=1.5)
    assert moved.flow[108, 94].tolist() == pytest.approx([0, -4], abs=0.3)


def test_a_face_is_painted_in_the_sitters_skin_and_teeth_are_white() -> None:
    light, dark = (paint_face(a_face(), STILL, sitter, False) for sitter in (SITTERS[0], SITTERS[4]))
    assert light[160, 128].mean() > dark[160, 128].mean() + 20
    smile = a_face() + 3 * ellipse(127.5, 197, 18, 5, 0.5)
    teeth, without = (paint_face(smile, STILL, SITTERS[0], has)[197, 128] for has in (True, False))
    assert np.ptp(teeth) < np.ptp(without) - 10


def test_portraits_are_written_as_the_demo_reads_them(tmp_path: Path) -> None:
    expressions = [Expression(a_face(), STILL + np.float32(0.5))] * len(EMOTIONS)
    portraits = [paint_person(Person(sitter, expressions, []), 1) for sitter in SITTERS]
    write_portraits(tmp_path, portraits, [[one.flow for one in expressions]] * len(SITTERS))
    assert len(SITTERS) == len(HANGINGS)
    assert DemoSource(tmp_path).render(0).shape == (480, 640, 3)
    assert as_grid(expressions[0].flow)[20, 20].tolist() == [4, 4]


def test_a_face_that_is_a_photograph_is_refused_in_one_sentence() -> None:
    photo = place(drawn_face(3, np.random.default_rng(1)), IDENTITY)[0]
    portraits = [paint_portrait_of(face) for face in (a_face(), photo)]
    far, near = likeness(portraits, detail(photo)[None])
    assert far < 0.8 < near
    check_likeness(np.array([far]))
    with pytest.raises(PortraitError, match=r"too close to one photograph: their details correlate with 1\.00"):
        check_likeness(np.array([far, near]))


def test_a_person_close_to_a_photograph_gets_more_of_its_own_proportions() -> None:
    sitter = replace(SITTERS[0], proportions=Proportions(eyes_up=4, mouth_down=4))
    person = Person(sitter, [Expression(a_face(), STILL)] * len(EMOTIONS), [])
    plain, plain_portraits = paint_apart(person, 1, np.zeros((1, 1344), np.float32))
    photos = detail(canvas_of(plain_portraits[0]))[None]
    apart, portraits = paint_apart(person, 1, photos)
    assert plain[0].flow[108, 94, 1] == pytest.approx(-4, abs=0.3)
    assert apart[0].flow[108, 94, 1] < -4.5
    assert likeness(portraits, photos)[0] < likeness(plain_portraits, photos)[0]


def paint_portrait_of(face: Plane) -> NDArray[np.float32]:
    """Return a portrait (400, 320, 3) that is nothing but a gray canvas."""
    portrait = np.zeros((400, 320, 3), np.float32)
    portrait[44:300, 32:288] = np.clip(face * 45 + 128, 0, 255)[..., None]
    return portrait


def test_a_portrait_without_a_face_to_find_is_refused() -> None:
    cascade = HaarDetector(Path(__file__).parents[2] / "haarcascade_frontalface_alt2.xml", 60)
    with pytest.raises(PortraitError, match="HaarDetector finds 0 faces in the portrait 1 of happy"):
        check_detection(np.full((400, 320, 3), 90, np.float32), [cascade], "1 of happy")


def test_missing_data_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "none.csv")
    assert main(["--data", missing, "--ferplus", missing]) == 2
    assert f"error: no data at {missing}" in capsys.readouterr().err
