"""The network as ONNX."""

from pathlib import Path

import pytest
import torch

from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard
from tests.fakes.nets import lively
from training.export import difference, main

pytestmark = pytest.mark.training


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's exporter's own
def test_the_exported_network_answers_as_pytorch_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    net = EmotionNet()
    lively(net)
    save_weights(tmp_path / "x.safetensors", net, ModelCard("emotion"))
    path = tmp_path / "x.onnx"
    assert main([str(tmp_path / "x.safetensors"), "--out", str(path)]) == 0
    assert "of PyTorch" in capsys.readouterr().out
    assert difference(EmotionNet(fused=True), path) > 0.01  # another network is told apart


def test_missing_weights_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.safetensors")]) == 2
    assert capsys.readouterr().err.startswith("error: no weights at")
