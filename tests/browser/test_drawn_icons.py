"""The site's icons are those that artwork.icons draws."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from artwork.icons import FOLDER, ICONS, Icon, draw_icon

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("icon", ICONS, ids=lambda icon: icon.file)
def test_each_icon_is_what_the_code_draws(icon: Icon, browser: Browser) -> None:
    drawn = np.asarray(Image.open(io.BytesIO(draw_icon(icon, browser))).convert("RGBA"), dtype=np.int16)
    kept = np.asarray(Image.open(FOLDER / icon.file).convert("RGBA"), dtype=np.int16)
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < 0.5
    assert kept[0, 0, 3] == (0 if icon.radius else 255)  # a square one is full up to its corners
