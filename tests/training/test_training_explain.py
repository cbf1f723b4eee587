"""The command that explains any network's answer."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from app import SAMPLES
from nn.emotion_net import EmotionNet
from tests.fakes.nets import lively, noise
from training.explain import SIDE_PX, explain, main
from vision.detector import Detections

pytestmark = pytest.mark.training


def test_any_weights_explain_a_face(
    random_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "why.png"
    assert main([str(random_weights), str(SAMPLES / "happy" / "01.jpg"), "--whole", "--out", str(out)]) == 0
    strip = cv2.imread(str(out))
    assert strip is not None
    assert strip.shape == (SIDE_PX, 8 * SIDE_PX, 3)
    faces = np.split(strip, 8, axis=1)
    assert any((face != faces[0]).any() for face in faces[1:])
    assert "surprise, neutral" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("weights", "picture", "sentence"),
    [
        ("nothing", "noise.png", "error: "),
        ("", "nothing.png", "nothing.png"),
        ("", "noise.png", "--whole uses all of it as the face"),
        ("", "text.png", "This is not a picture"),
    ],
)
def test_a_missing_file_or_face_is_named_in_one_line(
    random_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    weights: str,
    picture: str,
    sentence: str,
) -> None:
    cv2.imwrite(str(tmp_path / "noise.png"), noise(60, 60))
    (tmp_path / "text.png").write_text("hello")
    path = str(tmp_path / weights) if weights else str(random_weights)
    assert main([path, str(tmp_path / picture), "--out", str(tmp_path / "out.png")]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_a_tilted_face_is_shown_upright() -> None:
    net, gray = lively(EmotionNet(), 48), noise(120, 120) // 2
    gray[20:116, 16:112] = cv2.resize(noise(6, 6), (96, 96), interpolation=cv2.INTER_LINEAR)
    landmarks = np.zeros((1, 5, 2), dtype=np.float32)
    landmarks[:, 1] = (0, 20)  # the right eye is below the left one: a quarter clockwise
    lying = np.ascontiguousarray(np.rot90(gray, -1))
    upright = explain(net, gray, Detections.of_boxes(np.array([[16, 20, 112, 116]], dtype=np.int32)))
    turned = explain(net, lying, Detections(np.array([[4, 16, 100, 112]], dtype=np.int32), landmarks))
    assert np.abs(turned[:, :SIDE_PX].astype(int) - upright[:, :SIDE_PX]).max() <= 2
