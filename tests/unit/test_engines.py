"""PyTorch and ONNX Runtime, the same network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from model import EmotionClassifier
from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.engines import load_engine, load_onnx, load_torch
from nn.model_card import ModelCard, WeightsError
from nn.torch_engine import choose_device
from settings import ROOT
from tests.fakes.nets import noise
from tests.fakes.waiting import PATIENCE_S

SHIPPED = ROOT / "weights" / "emotion.safetensors"
CROPS = np.stack([noise(48, 48), 255 - noise(48, 48), np.full((48, 48), 90, dtype=np.uint8)])


def test_the_shipped_network_answers_the_same_in_both() -> None:
    (pytorch, torch_card), (onnx, onnx_card) = load_torch(SHIPPED), load_onnx(SHIPPED)
    np.testing.assert_allclose(onnx.logits(CROPS), pytorch.logits(CROPS), atol=1e-3)
    for ours, theirs in zip(onnx.logits_and_maps(CROPS), pytorch.logits_and_maps(CROPS), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert onnx_card == torch_card


def test_a_face_alone_and_many_faces_are_answered_the_same() -> None:
    engine, _ = load_onnx(SHIPPED)
    alone = np.concatenate([engine.logits(CROPS[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(engine.logits(CROPS), alone, atol=1e-4)


@pytest.mark.server
def test_the_site_loads_no_pytorch_if_the_onnx_file_fits() -> None:
    code = (
        "import sys; from app import make_live_pipeline; from settings import Settings; "
        "from uploads.assemble import load_classifier; from vision.detectors import Detectors; "
        "make_live_pipeline(Settings(), load_classifier(Settings()), Detectors.load(Settings())).close(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=PATIENCE_S)


@pytest.mark.server
def test_onnx_runtime_keeps_no_identifier_to_report_with(tmp_path: Path) -> None:
    program = "from nn.engines import load_onnx; from settings import *; load_onnx(Path(Settings().weights))"
    homes = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    environ = os.environ | homes | {"ORT_DISABLE_TELEMETRY": ""}  # as if no test had been here before
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []


def test_without_an_onnx_file_pytorch_computes(random_weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    engine, _ = load_engine(random_weights)
    assert engine.logits(CROPS).shape == (3, 15)
    assert "PyTorch computes the network: there is no" in caplog.text


def save_narrow(path: Path, **claimed: object) -> EmotionNet:
    """Write a network half as wide as what ships, and return it."""
    torch.manual_seed(0)
    made = EmotionNet(channels=(16, 32, 64, 128))
    save_weights(path, made, ModelCard("emotion", {"channels": [16, 32, 64, 128], **claimed}))
    return made.half().float().eval()


def test_a_network_of_another_width_is_loaded_as_its_card_says(tmp_path: Path) -> None:
    made = save_narrow(tmp_path / "narrow.safetensors")
    engine, _ = load_torch(tmp_path / "narrow.safetensors")
    with torch.inference_mode():
        expected = made(torch.from_numpy(CROPS).unsqueeze(1).float()).numpy()
    np.testing.assert_allclose(engine.logits(CROPS), expected, atol=1e-4)


@pytest.mark.parametrize("claimed", [{"attention": 8}, {"depths": [1, 1]}], ids=["unknown", "impossible"])
def test_a_network_in_a_form_of_a_later_version_is_refused(tmp_path: Path, claimed: dict[str, object]) -> None:
    save_narrow(tmp_path / "later.safetensors", **claimed)
    with pytest.raises(WeightsError, match=r"later\.safetensors holds .* in a form that this version does not"):
        load_torch(tmp_path / "later.safetensors")


def test_an_onnx_file_of_other_weights_is_not_used(random_weights: Path, tmp_path: Path) -> None:
    weights = Path(shutil.copy(random_weights, tmp_path / "mine.safetensors"))
    shutil.copy(SHIPPED.with_suffix(".onnx"), tmp_path / "mine.onnx")
    with pytest.raises(WeightsError, match=r"made from other weights than mine\.safetensors"):
        load_engine(weights, "onnx")
    ours = load_engine(weights)[0].logits(CROPS)
    np.testing.assert_array_equal(ours, load_torch(weights)[0].logits(CROPS))


@pytest.mark.parametrize("content", [b"", b"no network"])
def test_a_damaged_onnx_file_is_named(random_weights: Path, tmp_path: Path, content: bytes) -> None:
    weights = Path(shutil.copy(random_weights, tmp_path / "mine.safetensors"))
    weights.with_suffix(".onnx").write_bytes(content)
    with pytest.raises(WeightsError, match="damaged or not an ONNX file"):
        load_engine(weights, "onnx")


def test_a_missing_onnx_file_is_named_with_the_command_that_makes_it(random_weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"python -m training\.export makes it"):
        EmotionClassifier.load(random_weights, engine="onnx")


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    if choose_device("auto") != "cpu":
        pytest.skip("this machine has a GPU")
    with pytest.raises(WeightsError, match=f"--device {device}: the installed onnxruntime does not"):
        load_engine(SHIPPED, "onnx", device)
    with pytest.raises(WeightsError, match=f"--device {device}: PyTorch finds no such device"):
        load_engine(SHIPPED, "auto", device)


def test_the_processor_can_be_asked_for() -> None:
    for engine in ("onnx", "torch"):
        assert load_engine(SHIPPED, engine, "cpu")[0].logits(CROPS).shape == (3, 15)


def test_missing_weights_are_named_by_every_engine(tmp_path: Path) -> None:
    for engine in ("auto", "onnx", "torch"):
        with pytest.raises(WeightsError, match="no weights at"):
            load_engine(tmp_path / "none.safetensors", engine)
