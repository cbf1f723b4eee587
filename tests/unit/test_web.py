import io
import itertools
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from settings import ROOT
from streaming.multipart import CONTENT_TYPE
from streaming.sender import STALL_S
from streaming.viewable import Counts, State
from tests.fakes.camera import FRAME, FakeCamera, FakeCrowd
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import PATIENCE_S
from vision.emotions import DETAILS, EMOTIONS
from vision.overlay import draw_notice
from web.security import Access


@pytest.fixture
def camera() -> FakeCamera:
    return FakeCamera()


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd(max_viewers=2)
    crowd.feed.put(FRAME)
    yield crowd
    crowd.close()


@pytest.fixture
def site(camera: FakeCamera, crowd: FakeCrowd) -> Flask:
    return make_fake_site(crowd, camera=camera)


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


def test_the_page_shows_the_stream_and_links_every_emotion(client: FlaskClient) -> None:
    page = client.get("/").text
    assert 'data-feed="/video_feed"' in page
    for name, details in DETAILS.items():
        assert f'href="/samples/{name}"' in page
        assert details.description in page


def test_the_page_says_what_is_done_with_the_pictures(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "never stored" in page
    assert "shows" in page


def open_stream(client: FlaskClient, query: str = "", agent: str = "Mozilla/5.0") -> tuple[Any, bytes]:
    """Return the response, to be closed, and what came with the first picture."""
    response = client.get(f"/video_feed{query}", buffered=False, headers={"User-Agent": agent})
    assert response.status_code == 200, response.text
    return response, b"".join(itertools.islice(response.iter_encoded(), 2))


def test_the_feed_is_a_multipart_stream_of_jpegs_that_nobody_stores(client: FlaskClient) -> None:
    response, begin = open_stream(client)
    assert response.headers["Content-Type"] == CONTENT_TYPE
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert FRAME.jpeg in begin
    response.close()


def test_browsers_get_the_next_head_at_once_and_others_a_length(client: FlaskClient) -> None:
    browser, begin = open_stream(client)
    assert begin.count(b"--frame") == 2
    assert b"Content-Length" not in begin
    player, begin = open_stream(client, agent="VLC/3.0.20 LibVLC/3.0.20")
    assert begin.count(b"--frame") == 1
    assert b"Content-Length: %d\r\n" % len(FRAME.jpeg) in begin
    browser.close()
    player.close()


def test_a_viewer_may_ask_for_a_smaller_picture(client: FlaskClient) -> None:
    response, begin = open_stream(client, "?width=320&quality=60&fps=10")
    assert FRAME.jpeg + b" 320 60" in begin
    response.close()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("fps=1000", "fps must be one of 1, 2, 5, 10, 15, 30, not “1000”."),
        ("width=", "width must be one of 160, 320, 480, 640, not “”."),
        ("quality=<b>", "quality must be one of 40, 60, 80, not “&lt;b&gt;”."),
    ],
)
def test_what_is_not_offered_is_refused_in_one_sentence(
    client: FlaskClient, crowd: FakeCrowd, query: str, sentence: str
) -> None:
    response = client.get(f"/video_feed?{query}")
    assert response.status_code == 400
    assert sentence in response.text
    assert crowd.viewing_now == 0


def test_a_head_request_takes_no_seat(client: FlaskClient, crowd: FakeCrowd) -> None:
    assert client.head("/video_feed").headers["Content-Type"] == CONTENT_TYPE
    assert crowd.viewing_now == 0


def test_a_page_is_told_whether_its_own_stream_still_runs(client: FlaskClient) -> None:
    assert client.get("/state?viewer=me").get_json()["watching"] is False
    stream, _ = open_stream(client, "?viewer=me")
    assert client.get("/state?viewer=me").get_json()["watching"] is True
    assert client.get("/state?viewer=you").get_json()["watching"] is False
    stream.close()
    assert client.get("/state?viewer=me").get_json()["watching"] is False


def test_one_viewer_too_many_is_told_to_come_back(client: FlaskClient, crowd: FakeCrowd) -> None:
    streams = [open_stream(client)[0] for _ in range(2)]
    response = client.get("/video_feed")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert response.text == "2 viewers are watching, which is the limit; try again in a minute.\n"
    assert client.get("/state").get_json()["full"] is True
    streams.pop().close()
    assert client.get("/state").get_json()["full"] is False
    open_stream(client)[0].close()
    streams.pop().close()
    assert crowd.viewing_now == 0


@pytest.mark.parametrize(
    "accept",
    ["image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "text/html,image/webp,*/*;q=0.8"],
)
def test_an_img_is_shown_by_a_picture_that_all_places_are_taken(
    client: FlaskClient, crowd: FakeCrowd, accept: str
) -> None:
    streams = [open_stream(client)[0] for _ in range(2)]
    response = client.get("/video_feed", headers={"Accept": accept})
    assert (response.status_code, response.content_type) == (503, "image/jpeg")
    assert (response.headers["Retry-After"], response.headers["Cache-Control"]) == ("60", "no-store")
    picture = cv2.imdecode(np.frombuffer(response.data, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    expected = draw_notice(
        "All 2 places are taken", "No more viewers can watch right now. This page tries again automatically."
    )
    assert np.abs(picture.astype(int) - expected).mean() < 2
    assert client.get("/events", headers={"Accept": "text/event-stream"}).status_code == 200
    for stream in streams:
        stream.close()
    assert crowd.viewing_now == 0


def test_a_stream_that_was_never_read_frees_its_seat(client: FlaskClient, crowd: FakeCrowd) -> None:
    client.get("/video_feed", buffered=False).close()
    assert crowd.viewing_now == 0


def test_readyz_says_whether_frames_come(client: FlaskClient, camera: FakeCamera) -> None:
    assert client.get("/readyz").data == b"frames are arriving\n"
    camera.now = replace(camera.now, newest=None)
    assert client.get("/readyz").status_code == 503
    camera.now = replace(camera.now, problem="camera 0 is not connected")
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (
        503,
        "camera 0 is not connected\n",
    )
    camera.now = replace(camera.now, problem="", viewers=0)
    assert client.get("/readyz").data == b"nobody watches, so the source is closed\n"


def test_the_metrics_are_what_happened(client: FlaskClient, camera: FakeCamera) -> None:
    counts = Counts(frames=90, dropped=4, faults=1, openings=3, step_s={"detect": 1.5})
    camera.now = replace(camera.now, counts=counts)
    stream, _ = open_stream(client)
    response = client.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert response.mimetype == "text/plain"
    values = {name: family.samples[0].value for name, family in families.items()}
    assert values == {
        **{"fer_frames": 90, "fer_dropped_frames": 4, "fer_failed_frames": 1, "fer_reopenings": 2},
        **{"fer_fps": 29.97, "fer_latency_seconds": 0.02, "fer_up": 1, "fer_step_seconds": 1.5},
        **{"fer_viewers": 1, "fer_refused_viewers": 0, "fer_sent_bytes": 0, "fer_sent_parts": 0},
        "fer_skipped_pictures": 0,
    }
    assert families["fer_step_seconds"].samples[0].labels == {"step": "detect"}
    stream.close()


def test_a_site_of_this_machine_answers_to_this_machines_names_only(
    camera: FakeCamera, crowd: FakeCrowd
) -> None:
    private = make_fake_site(crowd, camera=camera).test_client()
    assert private.get("/state", headers={"Host": "rebound.example:5000"}).status_code == 400
    assert private.get("/state", headers={"Host": "localhost:5000"}).status_code == 200
    shared = make_fake_site(crowd, camera=camera, access=Access()).test_client()
    assert shared.get("/state", headers={"Host": "hall.example:5000"}).status_code == 200


def test_a_reader_that_takes_nothing_holds_no_thread_for_long(client: FlaskClient) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client.get("/state", environ_overrides={"werkzeug.socket": ours})
        assert ours.gettimeout() == STALL_S


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    response = client.post("/state")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_the_snapshot_is_the_newest_annotated_frame(client: FlaskClient) -> None:
    response = client.get("/snapshot.jpg")
    assert response.data == FRAME.jpeg
    assert response.mimetype == "image/jpeg"


def test_a_snapshot_without_a_picture_is_a_503_with_a_sentence(client: FlaskClient, camera: FakeCamera) -> None:
    camera.picture = None
    response = client.get("/snapshot.jpg")
    assert response.status_code == 503
    assert "has not sent a picture yet" in response.text


def test_the_state_is_complete_and_its_emotions_are_in_order(client: FlaskClient) -> None:
    state = json.loads(client.get("/state").data)
    assert state.keys() == {
        *(
            "source",
            "note",
            "seen",
            "running",
            "problem",
            "fps",
            "latency_ms",
            "viewers",
            "frame",
            "time",
            "faces",
        ),
        *("recording", "outputs", "watching", "full"),
    }
    assert (state["source"], state["running"], state["fps"], state["viewers"]) == ("camera 0", True, 30.0, 0)
    (face,) = state["faces"]
    assert (face["track_id"], face["box"], face["emotion"]) == (3, [10, 20, 110, 120], "surprise")
    assert face["confidence"] == 0.7
    assert tuple(face["probs"]) == EMOTIONS


def test_the_state_says_when_its_frame_was_captured(client: FlaskClient, camera: FakeCamera) -> None:
    camera.now = replace(camera.now, newest=replace(FRAME, captured_s=time.monotonic() - 60))
    assert client.get("/state").get_json()["time"] == pytest.approx(time.time() - 60, abs=5)


def test_the_state_of_a_camera_that_nobody_watches_is_empty_but_valid(
    client: FlaskClient, camera: FakeCamera
) -> None:
    camera.now = State("auto", "", False, "", 0.0, 0.0, 0, None)
    state = client.get("/state").get_json()
    assert (state["running"], state["frame"], state["faces"]) == (False, None, [])


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_sample_page_shows_every_sample_with_its_reading(client: FlaskClient, emotion: str) -> None:
    page = client.get(f"/samples/{emotion}").text
    assert page.count("<figure>") == 6
    assert f"/static/samples/{emotion}/06.jpg" in page
    assert "70%" in page
    assert "commons.wikimedia.org" in page
    assert f'<h1 class="toned">{DETAILS[emotion].adjective.capitalize()} ' in page


def test_the_sample_pages_lead_from_one_to_the_next_and_round_again(client: FlaskClient) -> None:
    seen, path = [], "/samples/angry"
    while path not in seen:
        seen.append(path)
        page = client.get(path).text
        assert len(re.findall(r'rel="prev"', page)) == 1
        [path] = re.findall(r'rel="next" href="([^"]+)"', page)
    assert seen == [f"/samples/{name}" for name in EMOTIONS]


def test_an_unknown_emotion_is_a_404_that_names_the_known_ones(client: FlaskClient) -> None:
    response = client.get("/samples/bored%3Cb%3E")
    assert response.status_code == 404
    assert "angry, disgust" in response.text
    assert "<b>" not in response.text


def test_an_unknown_page_is_a_404_in_the_sites_own_dress(client: FlaskClient) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert "Back to the live stream" in response.text


def test_healthz_answers_while_the_process_can_serve(client: FlaskClient) -> None:
    assert client.get("/healthz").data == b"ok\n"


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    for page in (client.get("/").text, client.get("/samples/happy").text):
        assert 'src="http' not in page
        assert 'rel="stylesheet" href="/static/' in page


@pytest.mark.server
def test_the_site_loads_without_pytorch() -> None:
    check = "import sys, app; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, timeout=PATIENCE_S)


@pytest.mark.parametrize("name", [*EMOTIONS, "unsure"])
def test_each_emotion_has_its_smiley_as_a_picture(client: FlaskClient, name: str) -> None:
    response = client.get(f"/emoji/{name}.png")
    assert response.content_type == "image/png"
    assert "max-age" in response.headers["Cache-Control"]
    with PIL.Image.open(io.BytesIO(response.data)) as picture:
        assert (picture.size, picture.mode) == ((256, 256), "RGBA")
        assert picture.getpixel((0, 0)) == (255, 255, 255, 0)
        assert picture.getpixel((128, 226))[3] == 255  # type: ignore[index]  # RGBA


def test_no_page_needs_a_font_of_emoji() -> None:
    of_such_a_font = re.compile("[\U0001f000-\U0001faff\u2600-\u26ff\ufe0f]")
    files = [
        *(ROOT / "templates").rglob("*.html"),
        *(ROOT / "static").rglob("*.js"),
        *(ROOT / "web").glob("*.py"),
    ]
    files += (ROOT / "vision").glob("*.py")
    assert [file.name for file in files if of_such_a_font.search(file.read_text("utf-8"))] == []


def test_there_is_no_smiley_of_another_name(client: FlaskClient) -> None:
    response = client.get("/emoji/bored.png")
    assert response.status_code == 404
    assert "There is no smiley “bored”" in response.text


@pytest.mark.parametrize(
    "path", ["/samples/{}", "/emoji/{}.png", "/video_feed/{}", "/video_feed?fps={}", "/video_feed?width={}"]
)
def test_an_error_repeats_little_of_a_long_input(client: FlaskClient, path: str) -> None:
    response = client.get(path.format("x" * 5000), headers={"Accept": "application/json"})
    assert response.status_code in (400, 404)
    assert "xxx…" in response.get_json()["error"]
    assert len(response.get_json()["error"]) < 400


def test_the_live_page_loads_less_than_100_kb_of_styles_and_scripts(client: FlaskClient) -> None:
    addresses = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js))"', client.get("/").text)
    sizes: dict[str, int] = {}
    while addresses:
        address = addresses.pop()
        if address not in sizes:
            with client.get(address) as response:
                text = response.get_data(as_text=True)
            sizes[address] = len(text.encode())
            folder = address.rpartition("/")[0]
            addresses += [f"{folder}/{name}" for name in re.findall(r'from "\./([\w.]+)"', text)]
    assert len(sizes) > 15
    assert sum(sizes.values()) < 100_000, sizes
