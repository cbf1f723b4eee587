"""Copies among faces."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.duplicates import CHUNK, near_duplicates, near_pairs

pytestmark = pytest.mark.training

Pictures = NDArray[np.uint8]


def make_faces(n: int, seed: int = 0) -> Pictures:
    """Soft random patterns, so that they have as much in common when halved as photographs have."""
    noise = np.random.default_rng(seed).uniform(0, 255, (n, 48, 48))
    soft = np.array([cv2.GaussianBlur(face, (0, 0), 2) for face in noise])
    return np.asarray(np.clip((soft - 127) * 5 + 127, 0, 255).astype(np.uint8))


def flat(*shades: int) -> Pictures:
    return np.array(shades, dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(48, 2)


def is_copy(face: Pictures, other: Pictures) -> bool:
    return bool(near_duplicates(face[None], other[None])[0])


def test_only_faces_with_a_copy_are_found() -> None:
    faces = make_faces(5)
    others = np.concatenate([make_faces(4, seed=1), faces[[3, 1]]])
    found = near_duplicates(faces, others)
    assert found.dtype == np.bool_
    assert found.tolist() == [False, True, False, True, False]


def test_a_mirrored_face_is_a_copy_and_one_upside_down_is_not() -> None:
    face = make_faces(1)[0]
    assert is_copy(face, face[:, ::-1])
    assert not is_copy(face, face[::-1])


def test_a_copy_may_be_darker_noisier_or_blurred() -> None:
    face = make_faces(1)[0]
    noise = np.random.default_rng(1).normal(0, 12, face.shape)
    assert is_copy(face, (face * 0.5 + 30).astype(np.uint8))
    assert is_copy(face, np.clip(face + noise, 0, 255).astype(np.uint8))
    assert is_copy(face, cv2.GaussianBlur(face, (0, 0), 1).astype(np.uint8))


def test_the_negative_of_a_face_is_no_copy() -> None:
    face = make_faces(1)[0]
    assert not is_copy(face, 255 - face)


@pytest.mark.parametrize(("strength", "copy"), [(0.2, True), (0.4, False)])
def test_a_copy_correlates_at_the_threshold_or_above(strength: float, copy: bool) -> None:
    first, second = make_faces(2).astype(float) - 127
    mixed = np.clip(0.7 * (first + strength * second) + 127, 0, 255)
    assert is_copy((0.7 * first + 127).astype(np.uint8), mixed.astype(np.uint8)) is copy


def test_a_flat_picture_is_a_copy_of_the_identical_one_only() -> None:
    assert is_copy(flat(7)[0], flat(7)[0])
    assert not is_copy(flat(7)[0], flat(8)[0])
    assert not near_duplicates(flat(0, 255), make_faces(9)).any()
    assert not near_duplicates(make_faces(9), flat(0, 37, 255)).any()


def test_copies_are_found_in_every_chunk() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (2 * CHUNK + 3, 48, 48), dtype=np.uint8)
    at = [0, CHUNK - 1, CHUNK, 2 * CHUNK + 2]
    assert np.flatnonzero(near_duplicates(faces, faces[at])).tolist() == at
    faces[at[2:]] = faces[at[:2]]
    assert near_pairs(faces).tolist() == [[at[0], at[2]], [at[1], at[3]]]


def test_no_faces_and_no_others_are_no_copies() -> None:
    faces, none = make_faces(2), np.empty((0, 48, 48), dtype=np.uint8)
    assert near_duplicates(faces, none).tolist() == [False, False]
    assert near_duplicates(none, faces).shape == (0,)
    assert near_pairs(none).shape == (0, 2)


def test_pairs_are_each_two_copies_once() -> None:
    first, second, third = make_faces(3)
    pairs = near_pairs(np.stack((first, second, first[:, ::-1], third, first)))
    assert pairs.dtype == np.int64
    assert pairs.tolist() == [[0, 2], [0, 4], [2, 4]]


def test_comparing_leaves_the_faces_as_they_were() -> None:
    faces = make_faces(3)
    before = faces.copy()
    near_duplicates(faces, faces)
    assert np.array_equal(faces, before)
