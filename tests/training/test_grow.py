"""A larger network that begins as a smaller one."""

from typing import Any

import pytest
import torch

from nn.emotion_net import EmotionNet
from tests.fakes.nets import lively
from training.grow import grow

pytestmark = pytest.mark.training

SMALL: dict[str, Any] = {"channels": (8, 8, 16, 16), "depths": (1, 1, 2, 1)}


@pytest.fixture(scope="module")
def small() -> EmotionNet:
    torch.manual_seed(0)
    net = EmotionNet(**SMALL)
    lively(net)
    return net


def faces(n: int = 64) -> torch.Tensor:
    return torch.rand(n, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 255


@pytest.mark.parametrize(
    "larger",
    [
        {},
        {"depths": (3, 1, 2, 2)},
        {"channels": (12, 8, 40, 24)},
        {"channels": (9, 9, 24, 56), "depths": (2, 2, 2, 2)},
    ],
    ids=["the same size", "deeper", "wider", "both"],
)
@pytest.mark.parametrize("fused", [False, True])
def test_a_grown_network_answers_as_the_small_one(
    small: EmotionNet, larger: dict[str, Any], fused: bool
) -> None:
    large = EmotionNet(**SMALL | larger)
    grow(small.fuse() if fused else small, large, faces())
    others = 255 - faces(5)
    with torch.inference_mode():
        expected, result = small(others), large.eval()(others)
    assert expected.std() > 0.01
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


def test_a_grown_network_answers_about_the_same_while_it_trains(small: EmotionNet) -> None:
    large = EmotionNet(**SMALL | {"depths": (3, 1, 2, 2)})
    grow(small, large, faces())
    with torch.inference_mode():
        expected, result = small(faces()), large.train()(faces())
    torch.testing.assert_close(result, expected, atol=0.02, rtol=0.02)


def test_copies_of_a_channel_come_to_differ(small: EmotionNet) -> None:
    torch.manual_seed(0)
    large = EmotionNet(**SMALL | {"channels": (8, 8, 16, 32)})
    grow(small, large, faces())
    large(faces(8)).square().sum().backward()
    *_, last = large.stages()
    gradient = last[0].get_parameter("wide").grad
    assert gradient is not None
    kernel = last[0].get_parameter("wide").detach()
    alike = torch.cdist(kernel.flatten(1), kernel.flatten(1)) < 1e-6
    first, second = (int(n) for n in torch.nonzero(alike.triu(1))[0])
    assert (gradient[first] - gradient[second]).norm() > 0.05 * gradient[first].norm()


@pytest.mark.parametrize("smaller", [{"channels": (8, 8, 16, 15)}, {"depths": (1, 1, 1, 4)}])
def test_a_network_does_not_begin_with_a_larger_one(small: EmotionNet, smaller: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="as many channels and blocks or fewer"):
        grow(small, EmotionNet(**SMALL | smaller), faces(4))
