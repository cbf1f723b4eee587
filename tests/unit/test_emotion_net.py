"""The shipped network: its input, its blocks, and its answers after fusion."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nn.emotion_net import EmotionNet, RepBlock, SqueezeExcite
from nn.prepare import standardise
from tests.fakes.nets import lively, noise


def test_standardise_gives_mean_zero_and_deviation_one_to_each_picture() -> None:
    images = torch.rand(3, 1, 48, 48) * torch.tensor([10.0, 100.0, 255.0]).reshape(3, 1, 1, 1)
    result = standardise(images)
    assert result.mean(dim=(1, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert result.std(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-4)


@pytest.mark.parametrize(("contrast", "brightness"), [(0.2, 0), (1, 100), (1, -100), (3, 20)])
def test_standardise_forgets_brightness_and_contrast(contrast: float, brightness: float) -> None:
    images = torch.from_numpy(noise(48, 48)).reshape(1, 1, 48, 48).float()
    changed = standardise(images * contrast + brightness)
    np.testing.assert_allclose(changed.numpy(), standardise(images).numpy(), atol=1e-4)


def test_a_flat_picture_becomes_zeros() -> None:
    assert (standardise(torch.full((2, 1, 48, 48), 77.0)) == 0).all()


def test_noise_below_a_gray_level_is_not_blown_up() -> None:
    assert standardise(100 + torch.rand(1, 1, 48, 48) * 0.1).abs().max() < 0.1


@pytest.mark.parametrize("side", [24, 36, 48])
def test_the_fused_network_answers_the_same(net: EmotionNet, side: int) -> None:
    images = torch.rand(3, 1, side, side) * 255
    with torch.inference_mode():
        expected, result = net(images), net.fuse()(images)
    assert expected.std() > 0.01
    np.testing.assert_allclose(result.numpy(), expected.numpy(), atol=1e-4)


def test_a_network_of_other_widths_and_depths_keeps_them_when_it_is_fused() -> None:
    torch.manual_seed(0)
    net = EmotionNet(channels=(8, 16, 16, 24), depths=(2, 1, 3, 1))
    lively(net)
    images = torch.rand(3, 1, 48, 48) * 255
    with torch.inference_mode():
        expected, result = net(images), net.fuse()(images)
    assert expected.std() > 0.01
    np.testing.assert_allclose(result.numpy(), expected.numpy(), atol=1e-4)
    blocks = [[p.wide.shape[0] for p in stage if isinstance(p, RepBlock)] for stage in net.stages()]
    assert blocks == [[8, 8], [16], [16, 16, 16], [24]]


def test_a_width_for_a_stage_that_has_no_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="for 5 stages, depths for 4"):
        EmotionNet(channels=(8, 8, 8, 8, 8))


def test_fusing_leaves_the_network_as_it_was(net: EmotionNet) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    fused = net.fuse()
    with torch.no_grad():
        fused.head.weight.zero_()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_block_is_the_sum_of_its_three_branches() -> None:
    torch.manual_seed(0)
    block = RepBlock(4, 4, stride=1)
    block.eval()
    images = torch.rand(2, 4, 9, 9)
    branches = F.conv2d(images, block.wide, padding=1) + F.conv2d(images, block.narrow) + images
    with torch.inference_mode():
        np.testing.assert_allclose(
            block(images).numpy(), F.relu(block.norm(branches)).detach().numpy(), atol=1e-5
        )


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 8, 1), (4, 4, 2)])
def test_a_block_that_changes_the_shape_has_no_identity(inputs: int, outputs: int, stride: int) -> None:
    assert RepBlock(inputs, outputs, stride).identity is None


def test_squeeze_and_excite_only_weighs_channels() -> None:
    images = torch.rand(2, 16, 5, 5) + 0.1
    with torch.inference_mode():
        ratio = SqueezeExcite(16)(images) / images
    assert (ratio.std(dim=(2, 3)) < 1e-5).all()
    assert (ratio > 0).all()
    assert (ratio < 1).all()
