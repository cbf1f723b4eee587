"""The site's manifest and its icons."""

import io
import json

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from artwork.icons import FOLDER, ICONS, Icon, draw_icon, lines_of
from tests.fakes.camera import FakeCrowd
from tests.fakes.site import make_fake_site


@pytest.fixture
def client() -> FlaskClient:
    crowd = FakeCrowd()
    crowd.close()
    return make_fake_site(crowd).test_client()


def test_the_manifest_lets_the_site_be_installed_also_below_a_prefix(client: FlaskClient) -> None:
    page = client.get("/", base_url="http://localhost/faces").text
    assert '<link rel="manifest" href="/faces/static/site.webmanifest" crossorigin="use-credentials">' in page
    response = client.get("/static/site.webmanifest", buffered=True)
    assert response.content_type == "application/manifest+json"
    manifest = json.loads(response.data)
    assert manifest["display"] == "standalone"
    assert {manifest["id"], manifest["start_url"], manifest["scope"]} == {"../"}  # of /faces/static/: /faces/
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    assert {"any", "maskable"} == {icon["purpose"] for icon in manifest["icons"]}
    for icon in manifest["icons"]:
        answer = client.get(f"/static/{icon['src']}", buffered=True)
        assert answer.content_type.partition(";")[0] == icon["type"]
        if icon["type"] == "image/png":
            side = Image.open(io.BytesIO(answer.data)).size
            assert side == tuple(map(int, icon["sizes"].split("x")))


@pytest.mark.parametrize("icon", ICONS, ids=lambda icon: icon.file)
def test_each_icon_is_what_the_code_draws(icon: Icon) -> None:
    drawn = np.asarray(draw_icon(icon), dtype=np.int16)
    kept = np.asarray(Image.open(FOLDER / icon.file).convert("RGBA"), dtype=np.int16)
    assert np.abs(drawn - kept).mean() < 0.5
    assert kept[0, 0, 3] == (0 if icon.radius else 255)  # a square one is full up to its corners


def test_the_icons_path_is_read_as_svg_does() -> None:
    [line] = lines_of("M3 10V6a3 3 0 0 1 3-3h4")
    assert line[0] == (3, 10)
    assert line[1] == (3, 6)
    assert line[-2] == pytest.approx((6, 3))
    assert line[-1] == pytest.approx((10, 3))
    assert line[1 + 24] == pytest.approx((6 - 3 / 2**0.5, 6 - 3 / 2**0.5))  # on the circle round (6, 6)
    with pytest.raises(ValueError, match="'qCurveTo'"):
        list(lines_of("M3 10q1 1 2 2"))
