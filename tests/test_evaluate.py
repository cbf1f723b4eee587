"""How good weights are, on paper and on the command line."""

from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from emotions import EMOTIONS
from model import Card, EmotionNet, save_weights
from training.data import Faces
from training.evaluate import confusion, main, measure, predict_logits, report

HAPPY = EMOTIONS.index("happy")
LABELS = np.array([0, 0, 1, 3], dtype=np.int64)
LOGITS = nn.functional.one_hot(torch.tensor([0, 1, 1, 3]), 7) * log(6)  # p(named class) = 1/2


class Shade(nn.Module):
    """Names the class that is the picture's gray level."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training
        return nn.functional.one_hot(images.mean(dim=(1, 2, 3)).round().long(), 7).float()


@pytest.fixture(scope="module")
def always_happy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    net = EmotionNet()
    last = net.classifier[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.arange(7) == HAPPY)
    path = tmp_path_factory.mktemp("weights") / "happy.safetensors"
    save_weights(path, net, Card())
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pixels = " ".join(map(str, range(48))) + " 9" * 47 * 48
    rows = [(3, "PublicTest"), (3, "PublicTest"), (3, "PublicTest"), (0, "PublicTest"), (1, "PrivateTest")]
    lines = [f"{label},{pixels},{split}" for label, split in rows]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(("emotion,pixels,Usage", *lines)))
    return path


def test_the_confusion_matrix_has_labels_in_rows_and_answers_in_columns() -> None:
    expected: NDArray[np.int64] = np.zeros((7, 7), dtype=np.int64)
    expected[0, 0] = expected[0, 1] = expected[1, 1] = expected[3, 3] = 1
    assert np.array_equal(confusion(LOGITS, LABELS), expected)


def test_the_figures_are_those_computed_by_hand() -> None:
    metrics = measure(LOGITS, LABELS)
    assert metrics["accuracy"] == 3 / 4
    assert metrics["accuracy_se"] == pytest.approx(sqrt(3 / 64))
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 7)
    assert metrics["loss"] == pytest.approx((3 * log(2) + log(12)) / 4)


def test_the_report_gives_recall_and_precision() -> None:
    text = report({"accuracy": 0.75}, confusion(LOGITS, LABELS))
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert rows["accuracy"] == ["accuracy", "0.7500"]
    assert rows["angry"][-2:] == ["0.500", "1.000"]
    assert rows["disgust"][-2:] == ["1.000", "0.500"]
    assert rows["sad"][-2:] == ["0.000", "0.000"]


@pytest.mark.parametrize("side", [24, 48])
def test_logits_come_in_the_order_of_the_faces(side: int) -> None:
    labels = np.arange(300, dtype=np.int64) % 7  # more than a batch
    images = np.broadcast_to(labels[:, None, None], (300, 48, 48)).astype(np.uint8)
    logits = predict_logits(Shade(), Faces(images, labels), side)
    assert logits.shape == (300, 7)
    assert logits.argmax(dim=1).tolist() == labels.tolist()


def test_the_command_prints_the_accuracy(
    always_happy: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(always_happy), "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert "on PublicTest, 4 faces" in out
    assert "accuracy     0.7500" in out


def test_the_command_measures_the_split_asked_for(
    always_happy: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(always_happy), "--data", str(data), "--split", "PrivateTest"]) == 0
    out = capsys.readouterr().out
    assert "on PrivateTest, 1 faces" in out
    assert "accuracy     0.0000" in out


@pytest.mark.parametrize(("missing", "message"), [("weights", "no weights at"), ("data", "no data at")])
def test_what_is_missing_is_named(
    always_happy: Path, data: Path, capsys: pytest.CaptureFixture[str], missing: str, message: str
) -> None:
    weights = data.parent / "none.safetensors" if missing == "weights" else always_happy
    faces = data.parent / "none.csv" if missing == "data" else data
    assert main([str(weights), "--data", str(faces)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {message}")
    assert captured.err.count("\n") == 1


def test_an_unknown_split_ends_with_status_two(always_happy: Path, data: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(always_happy), "--data", str(data), "--split", "Test"])
