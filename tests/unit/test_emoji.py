"""Smileys: drawn for every emotion, told apart by their shapes, laid over faces."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.fakes.images import make_track, plain_image
from vision.emoji import lay_emoji, make_emoji
from vision.emotions import EMOTIONS, UNSURE
from vision.overlay import View, draw

NAMES = (*EMOTIONS, UNSURE)
ONLY_EMOJI = View(boxes=False, labels=False, emoji=True)


def features(name: str) -> NDArray[np.bool_]:
    """Return where (96, 96) a smiley has eyes, brows and mouth: where it differs from its ground, in gray."""
    gray = cv2.cvtColor(make_emoji(name, 96).colours, cv2.COLOR_BGR2GRAY).astype(np.float32)
    y, x = np.mgrid[:96, :96] - 47.5
    inside = np.hypot(x, y) < 40
    ground = float(np.median(gray[inside]))
    return np.asarray(inside & (np.abs(gray - ground) > 45))


@pytest.mark.parametrize(("one", "other"), [*combinations(NAMES, 2)])
def test_two_smileys_are_told_apart_without_their_colours(one: str, other: str) -> None:
    first, second = features(one), features(other)
    assert (first & second).sum() / (first | second).sum() < 0.6


@pytest.mark.parametrize("name", NAMES)
def test_a_smiley_is_opaque_over_the_face_and_transparent_in_its_corners(name: str) -> None:
    opacity = make_emoji(name, 64).opacity
    assert (opacity[16:48, 16:48] == 1).all()
    assert opacity[0, 0] == opacity[-1, -1] == 0


@pytest.mark.parametrize("flip", [False, True])
def test_a_face_is_covered_by_its_smiley_and_the_rest_is_untouched(flip: bool) -> None:
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    scene = draw(image, [make_track(1, (40, 60, 140, 160))], View(False, False, flip=flip, emoji=True))
    seen = scene[:, ::-1] if flip else scene
    assert (seen[70:150, 50:130] == image[70:150, 50:130]).all(axis=-1).mean() < 0.01
    changed = (seen != image).any(axis=-1)
    changed[46:174, 26:154] = False
    assert not changed.any()


def test_each_emotion_and_an_unsure_face_have_a_smiley_of_their_own() -> None:
    image, box = plain_image(100, 240, 320), (40, 60, 140, 160)
    tracks = [make_track(1, box, name) for name in EMOTIONS] + [make_track(1, box, "sad", sure=False)]
    scenes = [draw(image, [track], ONLY_EMOJI) for track in tracks]
    for one, other in combinations(scenes, 2):
        assert (one != other).any()


def test_of_two_faces_that_overlap_the_larger_one_lies_in_front() -> None:
    image = plain_image(100, 240, 320)
    near, far = make_track(1, (40, 60, 140, 160), "happy"), make_track(2, (120, 80, 170, 130), "sad")
    assert (draw(image, [near, far], ONLY_EMOJI) == draw(image, [far, near], ONLY_EMOJI)).all()
    alone = draw(image, [near], ONLY_EMOJI)
    both = draw(image, [near, far], ONLY_EMOJI)
    assert (both[60:160, 40:140] == alone[60:160, 40:140])[20:80, 50:95].all()


@given(
    st.tuples(st.integers(-400, 800), st.integers(-400, 800), st.integers(0, 3000)),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_a_smiley_can_be_laid_over_any_box_of_any_picture(
    place: tuple[int, int, int], height: int, width: int
) -> None:
    x, y, side = place
    scene = plain_image(100, height, width)
    lay_emoji(scene, "happy", (x, y, x + side, y + side))
    assert scene.shape == (height, width, 3)


def test_smileys_of_a_face_that_moves_are_drawn_once_for_some_sizes() -> None:
    make_emoji.cache_clear()
    for side in range(100, 140):
        draw(plain_image(100, 240, 320), [make_track(1, (40, 60, 40 + side, 60 + side))], ONLY_EMOJI)
    assert make_emoji.cache_info().misses <= 14
