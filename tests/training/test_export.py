"""The export as ONNX; test_every_network.py holds each network's export against PyTorch."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard
from tests.fakes.nets import lively
from training.export import difference, halve, main

pytestmark = [
    pytest.mark.training,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # torch's exporter's own
]


def test_the_shipped_network_is_exported_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_weights(tmp_path / "x.safetensors", lively(EmotionNet()), ModelCard("emotion"))
    path = tmp_path / "x.onnx"
    assert main([str(tmp_path / "x.safetensors"), "--out", str(path)]) == 0
    assert "of PyTorch" in capsys.readouterr().out
    assert path.stat().st_size < 4e6  # its weights are float16
    assert difference(EmotionNet(fused=True), path) > 0.01  # another network is told apart


def test_only_weights_that_survive_it_are_halved() -> None:
    exact: NDArray[np.float32] = np.full((40, 40), 0.5, dtype=np.float32)
    weights = (("exact", exact), ("folded", exact / 3), ("large", exact * 1e6))
    tensors = [onnx.numpy_helper.from_array(np.asarray(values), name) for name, values in weights]
    graph = onnx.helper.make_graph([], "weights", [], [], tensors)
    model = halve(onnx.helper.make_model(graph))
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert kinds == {"exact_half": half, "folded": single, "large": single}


def test_a_file_that_fails_the_check_is_not_left_and_the_old_one_stays(
    random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.export.TOLERANCE", 0.0)
    path = tmp_path / "x.onnx"
    path.write_bytes(b"the old one")
    assert main([str(random_weights), "--out", str(path)]) == 2
    assert "would give other logits than PyTorch" in capsys.readouterr().err
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_weights_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.safetensors")]) == 2
    assert capsys.readouterr().err.startswith("error: no weights at")
