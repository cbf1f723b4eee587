"""Augmentation of faces."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.augment import augment, blur, coarsen, cover, grain, light, resize, shade

pytestmark = pytest.mark.training


def pictures(n: int = 4) -> torch.Tensor:
    return torch.rand(n, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 255


@pytest.mark.parametrize("side", [24, 36, 48])
def test_augmented_images_have_the_requested_side(side: int) -> None:
    images = pictures()
    before = images.clone()
    result = augment(images, side, webcam=0)
    assert result.shape == (4, 1, side, side)
    assert result.dtype == torch.float32
    assert torch.equal(images, before)
    assert images.min() <= result.min() <= result.max() <= images.max()


def test_the_same_seed_gives_the_same_augmentation() -> None:
    torch.manual_seed(5)
    first, second = augment(pictures(), 48, webcam=0), augment(pictures(), 48, webcam=0)
    torch.manual_seed(5)
    assert torch.equal(augment(pictures(), 48, webcam=0), first)
    assert not torch.equal(first, second)


def test_each_picture_is_warped_in_its_own_way() -> None:
    torch.manual_seed(0)
    first, second = augment(pictures(1).repeat(2, 1, 1, 1), 48, webcam=0)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("tilt_deg", [0.0, 5.0, 18.0])
def test_a_face_is_tilted_as_far_as_is_asked_and_no_farther(tilt_deg: float) -> None:
    line = torch.zeros(300, 1, 48, 48)
    line[:, :, 23:25] = 255
    torch.manual_seed(0)
    tilted = augment(line, 48, webcam=0, tilt_degrees=tilt_deg)[:, 0]
    heights = torch.arange(48.0).view(1, 48, 1)
    middle = (tilted * heights).sum(dim=1) / tilted.sum(dim=1).clamp(min=1e-6)
    degrees = torch.rad2deg(torch.atan((middle[:, 40] - middle[:, 8]) / 32)).abs()
    assert degrees.max() == pytest.approx(tilt_deg, abs=0.8)


STILL: dict[str, Any] = {"tilt_degrees": 0.0, "flip": False, "zoom": 1.0, "shift": 0.0}


def test_every_movement_can_be_switched_off() -> None:
    torch.testing.assert_close(augment(pictures(), 48, 0, **STILL), pictures(), atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("change", "value"), [("flip", True), ("zoom", 1.2), ("shift", 0.1), ("tilt_degrees", 9.0)]
)
def test_each_movement_can_be_asked_for_alone(change: str, value: Any) -> None:
    torch.manual_seed(0)
    moved = augment(pictures(), 48, 0, **STILL | {change: value})
    assert (moved - pictures()).abs().max() > 10


def test_random_erasing_covers_as_many_as_are_asked_for() -> None:
    torch.manual_seed(0)
    images = torch.full((400, 1, 48, 48), 100.0)
    covered = (augment(images, 48, 0, **STILL, erase=0.3) - images).abs() > 1
    assert 0.2 < covered.flatten(1).any(dim=1).float().mean() < 0.4


def test_jitter_changes_brightness_and_contrast_so_far_and_no_farther() -> None:
    torch.manual_seed(0)
    images = torch.tensor([80.0, 120.0]).view(1, 1, 1, 2).repeat(500, 1, 48, 24)
    changed = augment(images, 48, 0, **STILL, jitter=0.2).clamp(0, 255)
    mean, spread = changed.mean(dim=(1, 2, 3)) / 100, changed.amax(dim=(1, 2, 3)) - changed.amin(dim=(1, 2, 3))
    assert 0.8 <= mean.min() < 0.83 < 1.17 < mean.max() <= 1.2001
    assert 40 * 0.64 - 0.1 <= spread.min() < 29 < 52 < spread.max() <= 40 * 1.44 + 0.1


def test_augmenting_mirrors_about_half_of_the_pictures() -> None:
    images = torch.zeros(200, 1, 48, 48)
    images[..., :24] = 255
    torch.manual_seed(0)
    mirrored = augment(images, 48, webcam=0)[:, 0, :, 40:].mean(dim=(1, 2)) > 127
    assert 70 < mirrored.sum() < 130


def test_a_flat_picture_stays_flat() -> None:
    result = augment(torch.full((9, 1, 48, 48), 200.0), 36, webcam=0)
    assert (result - 200).abs().max() < 0.01


def test_resize_to_the_same_side_changes_nothing() -> None:
    images = pictures()
    assert torch.equal(resize(images, 48), images)


def test_resize_smooths_where_it_shrinks() -> None:
    stripes: NDArray[Any] = np.indices((48, 48))[1] % 2 * 200
    result = resize(torch.from_numpy(stripes).reshape(1, 1, 48, 48).float(), 16)
    assert result.shape == (1, 1, 16, 16)
    assert (result - 100).abs().max() < 30


CHANGES = [light, shade, coarsen, blur, grain, cover]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_keeps_the_shape_and_stays_a_picture(change: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    images = pictures(9)
    before = images.clone()
    result = change(images)
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert 0 <= result.min() <= result.max() <= 255
    assert torch.equal(images, before)
    assert not torch.equal(result, images)


def test_a_face_that_is_coarse_or_blurred_has_less_detail() -> None:
    torch.manual_seed(0)
    images = pictures(9)
    for change in (coarsen, blur):
        assert change(images).std() < 0.6 * images.std()


def test_shade_darkens_and_never_brightens() -> None:
    images = pictures(50)
    assert (shade(images) <= images + 1e-3).all()


def test_a_cover_is_one_gray_rectangle() -> None:
    torch.manual_seed(0)
    images = torch.full((1, 1, 48, 48), -1.0)
    hidden = (cover(images) >= 0)[0, 0]
    rows, columns = hidden.any(dim=1), hidden.any(dim=0)
    assert hidden.sum() == rows.sum() * columns.sum()
    assert 40 < hidden.sum() < 0.25 * 48 * 48


def test_a_higher_webcam_share_degrades_more_images() -> None:
    images = torch.full((200, 1, 48, 48), 128.0)  # moving a flat picture changes nothing
    torch.manual_seed(0)
    spoilt = [(augment(images, 48, webcam) - 128).abs().amax(dim=(1, 2, 3)) > 1 for webcam in (0, 0.3, 1)]
    assert spoilt[0].sum() == 0
    assert 40 < spoilt[1].sum() < 160
    assert spoilt[2].sum() > 190
