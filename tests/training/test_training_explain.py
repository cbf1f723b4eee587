"""The command that explains any network's answer."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from app import SAMPLES
from tests.fakes.nets import noise
from training.explain import SIDE_PX, main

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
        ("", "text.png", "This is no picture"),
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
