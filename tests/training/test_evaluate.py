"""The evaluation of weights, as functions and as a command."""

import base64
import html
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from nn.checkpoint import save_weights
from nn.model_card import ModelCard
from nn.registry import build
from tests.fakes.fer2013 import write_fer2013
from training.data import Faces
from training.evaluate import main
from training.inference import predict_logits
from training.stress import STRESSES, stressed
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

HAPPY = EMOTIONS.index("happy")


class Shade(nn.Module):
    """Names the class that is the picture's gray level."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training
        return nn.functional.one_hot(images.mean(dim=(1, 2, 3)).round().long(), 7).float()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six faces of noise; the first of PublicTest stands in Training too. Voters agree with the labels."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 48 * 48))
    rows = [(3, 0, "Training"), (3, 0, "PublicTest"), (3, 1, "PublicTest"), (3, 2, "PublicTest")]
    rows += [(0, 3, "PublicTest"), (1, 4, "PrivateTest")]
    path = tmp_path_factory.mktemp("data") / "fer2013.csv"
    write_fer2013(path, [(label, pixels[face], split) for label, face, split in rows])
    columns = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = [
        f"{split},{'0,10,0,0,0,0,0,0,0,0' if label == 3 else '0,0,0,0,5,5,0,0,0,0'}" for label, _, split in rows
    ]
    path.with_name("votes.csv").write_text("\n".join((f"Usage,{columns}", *votes)))
    return path


@pytest.mark.parametrize("side", [24, 48])
def test_logits_come_in_the_order_of_the_faces(side: int) -> None:
    labels = np.arange(300, dtype=np.int64) % 7  # more than a batch
    images = np.broadcast_to(labels[:, None, None], (300, 48, 48)).astype(np.uint8)
    faces = Faces(images, labels, np.zeros((300, 10), dtype=np.int64))
    logits = predict_logits(Shade(), faces, side)
    assert logits.shape == (300, 7)
    assert logits.argmax(dim=1).tolist() == labels.tolist()


@pytest.fixture(autouse=True)
def few_timings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.inference.TIMED", 3)


def test_the_command_prints_and_saves_the_figures(
    always_happy: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    votes = str(data.parent / "votes.csv")
    assert main([str(always_happy), "--data", str(data), "--ferplus", votes, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "on PublicTest of fer2013.csv, one forward pass" in printed
    assert "0.7500 ± 0.2165" in printed
    figures = json.loads((out / "evaluation.json").read_text())
    assert figures["faces"] == 4
    assert figures["clean_faces"] == 3
    assert figures["outputs"]["fer2013"]["all"]["accuracy"] == 0.75
    assert figures["outputs"]["shipped"]["clean"]["accuracy"] == pytest.approx(2 / 3)
    assert figures["ferplus_majority"]["accuracy"] == 1
    assert figures["ferplus_majority"]["faces"] == 3
    assert set(figures["stress"]) == set(STRESSES)
    assert figures["ms_per_face"] > 0
    rows = {row[0]: row[1:] for row in map(str.split, printed.splitlines()) if row}
    assert rows["happy"] == ["0.750", "1.000", "0.857", "0.500", "3"]
    assert rows["weighted"] == ["avg", "0.562", "0.750", "0.643", "4"]
    page = html.unescape((out / "evaluation.html").read_text())
    assert printed[: printed.index("report in")].partition("\n")[2].strip() in page
    [picture] = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    plots = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
    assert plots is not None
    assert plots.shape[1] > 2 * plots.shape[0] > 600


def test_the_command_measures_the_requested_split(
    always_happy: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "report")
    assert main([str(always_happy), "--data", str(data), "--split", "PrivateTest", "--out", out]) == 0
    printed = capsys.readouterr().out
    assert "on PrivateTest" in printed
    assert "0.0000 ± 0.0000" in printed


@pytest.mark.parametrize("stress", STRESSES)
def test_a_stress_changes_the_picture_the_same_way_each_time(stress: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    result = stressed(images, stress)
    assert result.shape == images.shape
    assert result.dtype == np.uint8
    assert np.array_equal(result, stressed(images, stress))
    assert np.abs(result.astype(int) - images).mean() > 10


@pytest.mark.parametrize(("missing", "message"), [("weights", "no weights at"), ("data", "no data at")])
def test_a_missing_file_is_named(
    always_happy: Path, data: Path, capsys: pytest.CaptureFixture[str], missing: str, message: str
) -> None:
    weights = data.parent / "none.safetensors" if missing == "weights" else always_happy
    faces = data.parent / "none.csv" if missing == "data" else data
    assert main([str(weights), "--data", str(faces)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {message}")
    assert captured.err.count("\n") == 1


def test_an_output_that_the_network_lacks_is_one_sentence(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "se-vgg.safetensors"
    save_weights(path, build("se-vgg", {}), ModelCard("se-vgg"))
    assert main([str(path), "--data", str(data), "--output", "ferplus"]) == 2
    assert capsys.readouterr().err == "error: this network has no FER+ head\n"


def test_an_unknown_split_ends_with_status_two(always_happy: Path, data: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(always_happy), "--data", str(data), "--split", "Test"])
