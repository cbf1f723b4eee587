"""The site's manifest and its icons."""

import io
import json

import pytest
from flask.testing import FlaskClient
from PIL import Image

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
