"""Crops of faces, turned upright by the line of the eyes."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model import EmotionClassifier, preprocess
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard
from nn.torch_engine import TorchEngine
from tests.fakes.nets import noise
from vision.crops import MIN_TILT_DEG, cut_face, turn_back

BOX = np.array([80, 70, 176, 166])


def drawn_face(side: int = 240) -> NDArray[np.uint8]:
    """Return a picture with a face in BOX, each of its features in a shade of its own."""
    gray = np.full((side, side), 90, dtype=np.uint8)
    cv2.ellipse(gray, (128, 118), (38, 46), 0, 0, 360, 200, cv2.FILLED)
    for at, radius, shade in (((112, 104), 8, 20), ((144, 104), 8, 60), ((128, 122), 6, 150)):
        cv2.circle(gray, at, radius, shade, cv2.FILLED)
    cv2.ellipse(gray, (128, 142), (18, 7), 0, 0, 360, 40, cv2.FILLED)
    return cv2.GaussianBlur(gray, (0, 0), 2).astype(np.uint8, copy=False)


def tilted(gray: NDArray[np.uint8], degrees: float, box: NDArray[np.int_] = BOX) -> NDArray[np.uint8]:
    """Return the picture turned clockwise about the box's centre."""
    x, y = (float(box[0] + box[2] - 1) / 2, float(box[1] + box[3] - 1) / 2)
    turn = cv2.getRotationMatrix2D((x, y), -degrees, 1)
    turned = cv2.warpAffine(
        gray, turn, gray.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return turned.astype(np.uint8, copy=False)


def apart(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the greatest difference of two crops in gray levels."""
    return float(np.abs(first.astype(np.int16) - second).max())


@pytest.mark.parametrize("degrees", [20, -20, 45, 90, 180, -135])
@pytest.mark.parametrize("side_px", [24, 48, 90, 150])
def test_a_tilted_face_comes_back_upright(degrees: float, side_px: int) -> None:
    gray = drawn_face()
    upright = cut_face(gray, BOX, side_px)
    assert apart(cut_face(tilted(gray, degrees), BOX, side_px, degrees), upright) < 8
    assert apart(cut_face(tilted(gray, degrees), BOX, side_px), upright) > 60


def test_a_small_tilted_face_comes_back_upright() -> None:
    gray, box = drawn_face()[::4, ::4], BOX // 4
    gray = cv2.GaussianBlur(gray, (0, 0), 1).astype(np.uint8, copy=False)
    assert apart(cut_face(tilted(gray, 20, box), box, 48, 20), cut_face(gray, box, 48)) < 16


@pytest.mark.parametrize("tilt_deg", [0.0, MIN_TILT_DEG, -MIN_TILT_DEG, np.nan])
def test_a_face_that_is_not_tilted_is_the_box_itself(tilt_deg: float) -> None:
    gray = noise(200, 200)
    expected = cv2.resize(gray[70:166, 80:176], (48, 48), interpolation=cv2.INTER_AREA)
    assert np.array_equal(preprocess(gray, BOX[None]), [expected])
    assert np.array_equal(preprocess(gray, BOX[None], np.array([tilt_deg])), [expected])


def test_each_face_is_turned_by_its_own_tilt() -> None:
    gray, boxes = noise(200, 200), np.array([BOX, BOX - 40, BOX - 20])
    together = preprocess(gray, boxes, np.array([0.0, 30.0, -50.0], dtype=np.float32))
    alone = [cut_face(gray, box, 48, tilt) for box, tilt in zip(boxes, (0, 30, -50), strict=True)]
    assert np.array_equal(together, alone)
    assert apart(together[1], cut_face(gray, boxes[1], 48)) > 60


def test_a_large_tilted_face_is_averaged_not_sampled() -> None:
    checkers = np.indices((900, 900)).sum(axis=0).astype(np.uint8) % 2 * 200
    crop = cut_face(checkers, np.array([150, 150, 750, 750]), 48, 30)
    assert 85 < crop.min() <= crop.max() < 115


@given(st.integers(-47, 99), st.integers(-47, 69), st.floats(-180, 180))
def test_a_tilted_face_over_the_border_repeats_the_border(x: int, y: int, tilt_deg: float) -> None:
    gray = noise(70, 100)
    wide = cv2.copyMakeBorder(gray, 80, 80, 80, 80, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
    box = np.array([x, y, x + 48, y + 48])
    assert apart(cut_face(gray, box, 48, tilt_deg), cut_face(wide, box + 80, 48, tilt_deg)) <= 1


def test_a_tilted_face_wholly_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="outside an image of 60x40"):
        preprocess(noise(40, 60), np.array([[60, 5, 70, 20]]), np.array([45.0]))


@pytest.mark.parametrize("degrees", [20, -75, 90, 180])
def test_a_map_is_turned_back_to_where_the_face_is_in_the_picture(degrees: float) -> None:
    maps = np.zeros((2, 7, 48, 48), dtype=np.float32)
    maps[:, 3, 4:12, 20:28] = 1  # over the middle of the forehead
    back = turn_back(maps, np.array([degrees, 5]))
    assert np.array_equal(back[1], maps[1])  # which was not turned
    assert back[0, :3].max() == back[0, 4:].max() == 0
    rows, columns = np.indices((48, 48)) - 23.5
    place = np.array([(columns * back[0, 3]).sum(), (rows * back[0, 3]).sum()]) / back[0, 3].sum()
    # the forehead of a head that is tilted clockwise by a quarter is on the right
    expected = 16 * np.array([np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))])
    assert np.abs(place - expected).max() < 0.5


def test_a_classifier_reads_tilted_faces_upright_and_explains_them_in_place(net: EmotionNet) -> None:
    classifier = EmotionClassifier(TorchEngine(net), ModelCard("emotion"))
    gray, tilts = noise(200, 200), np.array([90.0])
    crop = np.rot90(gray[70:166, 80:176])  # a quarter counterclockwise: the upright face
    boxes, whole = BOX[None], np.array([[0, 0, 96, 96]])
    upright, maps = classifier.explain(np.ascontiguousarray(crop), whole)
    probs, turned = classifier.explain(gray, boxes, tilts)
    assert probs == pytest.approx(upright, abs=1e-4)
    assert classifier.predict(gray, boxes, tilts) == pytest.approx(probs, abs=1e-6)
    assert np.abs(np.rot90(turned, axes=(2, 3)) - maps).max() < 1e-3 * maps.max()


def test_a_classifier_refuses_tilts_that_are_not_one_a_box(net: EmotionNet) -> None:
    classifier = EmotionClassifier(TorchEngine(net), ModelCard("emotion"))
    with pytest.raises(ValueError, match=r"tilts_deg must be \(1,\), one a box, got \(2,\)"):
        classifier.predict(noise(200, 200), BOX[None], np.zeros(2))
