"""The site's icons are those that training.icons draws."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from training.icons import FOLDER, ICONS, Icon, draw_icon

pytestmark = pytest.mark.browser


def on_white(file: Path | io.BytesIO) -> NDArray[np.int16]:
    """Return a picture as it looks on a white ground (H, W, 3)."""
    picture = Image.open(file).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(ground, picture).convert("RGB"), dtype=np.int16)


@pytest.mark.parametrize("icon", ICONS, ids=lambda icon: icon.file)
def test_each_icon_is_what_the_code_draws(icon: Icon, browser: Browser) -> None:
    drawn, kept = on_white(io.BytesIO(draw_icon(icon, browser))), on_white(FOLDER / icon.file)
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < 0.3
    assert (kept[0, 0] == 255).all() == bool(icon.radius)  # a square one is full up to its corners
