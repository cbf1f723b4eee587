from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nn.cam import activations, convolutions, grad_cam, grad_cam_maps, last_layer
from nn.emotion_net import CHANNELS, EmotionNet
from nn.pooled import PooledNet, class_maps
from nn.registry import NETWORKS, build
from tests.fakes.nets import noise

CLASSES = torch.tensor([3, 5])


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As on the live path; more than one is slower beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def faces() -> Tensor:
    return torch.from_numpy(np.stack([noise(48, 48, seed) for seed in (1, 2)])).unsqueeze(1).float()


@pytest.fixture(scope="module", params=[False, True], ids=["branches", "fused"])
def either(net: EmotionNet, request: pytest.FixtureRequest) -> EmotionNet:
    return net.fuse() if request.param else net


def test_the_mean_of_a_class_map_is_its_logit_without_the_bias(either: EmotionNet, faces: Tensor) -> None:
    with torch.no_grad():
        maps = class_maps(either.features(faces), either.head.weight)
        assert torch.allclose(maps.mean(dim=(2, 3)) + either.head.bias, either(faces), atol=1e-4)


@pytest.mark.parametrize("name", ["resnet-transfer", "se-vgg", "efficientnet-b0"])
@pytest.mark.training
def test_networks_that_end_in_pooling_have_class_maps_in_closed_form(name: str, faces: Tensor) -> None:
    net = build(name, {}).eval()
    assert isinstance(net, PooledNet)
    with torch.no_grad():
        logits, maps = net.read_with_maps(faces)
        assert torch.allclose(maps.mean(dim=(2, 3)) + net.head.bias, logits, atol=1e-4)
        assert torch.allclose(logits, net(faces))
    assert maps.shape[:2] == (2, 7)


def test_before_the_pooling_the_closed_form_is_grad_cam(either: EmotionNet, faces: Tensor) -> None:
    with torch.no_grad():
        maps = class_maps(either.features(faces), either.head.weight)
    closed = torch.stack([maps[0, 3], maps[1, 5]]).relu()
    by_gradient = grad_cam(either, faces, CLASSES, either.trunk)
    assert closed.max() > 0
    # the pooling's mean is in the gradients, and not in the closed form
    assert torch.allclose(closed, by_gradient * closed[0].numel(), atol=1e-4)


def test_grad_cam_weighs_channels_by_their_mean_gradient() -> None:
    torch.manual_seed(1)
    conv, linear = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(3 * 4 * 4, 5)
    net = nn.Sequential(conv, nn.Flatten(), linear).eval()
    image = torch.randn(1, 1, 4, 4)
    with torch.no_grad():
        features = conv(image)[0]
        gradients = linear.weight[2].reshape(3, 4, 4)  # by hand: the logit is linear in the features
        expected = (gradients.mean(dim=(1, 2))[:, None, None] * features).sum(dim=0).clamp(min=0)
    assert torch.allclose(grad_cam(net, image, torch.tensor([2]))[0], expected, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.training
def test_grad_cam_is_captums_for_every_network_of_the_field(name: str, faces: Tensor) -> None:
    captum = pytest.importorskip("captum.attr", reason="captum is in requirements-dev.txt")
    torch.manual_seed(0)
    net = build(name, {}).eval()
    layer = last_layer(net, faces)
    theirs = captum.LayerGradCam(net, layer).attribute(faces, CLASSES, relu_attributions=True)[:, 0].detach()
    ours = grad_cam(net, faces, CLASSES)
    assert ours.shape == theirs.shape
    assert min(ours.shape[1:]) >= 4
    assert ours.max() > ours.min() >= 0  # it says where
    assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-5 * float(theirs.max()))


def test_all_classes_at_once_are_each_class_by_itself(either: EmotionNet, faces: Tensor) -> None:
    logits, maps = grad_cam_maps(either, faces)
    with torch.no_grad():
        assert torch.allclose(logits, either(faces), atol=1e-5)
    for number in (0, 9):
        alone = grad_cam(either, faces, torch.tensor([number, number]))
        assert torch.allclose(maps[:, number], alone, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.training
def test_every_network_of_the_field_shows_what_its_convolutions_see(name: str, faces: Tensor) -> None:
    net = build(name, {}).eval()
    seen = activations(net, faces[:1])
    assert set(seen) == set(convolutions(net))
    assert all(maps.shape[0] == 1 and maps.dim() == 4 for maps in seen.values())


def test_the_shipped_network_has_seven_convolutions_in_order(either: EmotionNet, faces: Tensor) -> None:
    shapes = [tuple(maps.shape[1:]) for maps in activations(either, faces).values()]
    one, two, three, four = CHANNELS
    assert shapes == [(one, 48, 48), (two, 24, 24), *[(three, 12, 12)] * 2, *[(four, 6, 6)] * 3]


def test_looking_leaves_no_trace(net: EmotionNet, faces: Tensor) -> None:
    before = [weight.clone() for weight in net.state_dict().values()]
    grad_cam(net, faces, CLASSES)
    activations(net, faces)
    assert all(not module._forward_hooks for module in net.modules())
    assert all(weight.grad is None for weight in net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, net.state_dict().values(), strict=True))
