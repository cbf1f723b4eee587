"""The password in a camera's address is neither shown nor logged nor part of an error."""

import logging
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from camera import Camera
from settings import Settings, has_host, mask_address
from sources.base import SourceError
from sources.opener import SourceOpener, check_source, source_name
from tests.fakes.camera import FakeSource, fake_process, watch
from tests.fakes.images import plain_image

HOSTS = st.sampled_from(["cam", "192.168.1.5:554", "cam-2.example.org", "[fe80::1]:8080"])
SECRETS = st.text(st.characters(codec="utf-8") | st.sampled_from("@:/#?%&=[]\\ "), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://192.168.1.5:554/user=admin&password=hunter2&channel=1", "rtsp://192.168.1.5:554"),
        ("rtsp://admin:hunter2@cam/stream", "rtsp://cam"),
        ("rtsp://admin:hun@ter2@cam/stream", "rtsp://cam"),
        ("rtsp://admin:hun@ter/2@cam/stream", "rtsp://…"),
        ("rtsp://admin:hun#ter2@cam/stream", "rtsp://…"),
        ("rtsp://admin:hunter2", "rtsp://…"),
        ("http://cam?password=hun@ter2", "http://…"),
        ("RTMP://admin:hunter2@cam/live", "RTMP://cam"),
        ("lobby: rtsp://admin:hunter2@cam/stream", "lobby: rtsp://cam"),
        ("folder@2x/clip.mp4", "folder@2x/clip.mp4"),
    ],
)
def test_of_an_address_scheme_and_host_are_shown(address: str, shown: str) -> None:
    assert mask_address(address) == shown


@given(st.sampled_from(["rtsp", "http", "https"]), SECRETS, SECRETS, HOSTS)
@example("rtsp", "admin", "p@ss/w#rd", "cam")
def test_no_part_of_a_password_is_shown_wherever_it_stands_in_an_address(
    scheme: str, user: str, password: str, host: str
) -> None:
    for address in (
        f"{scheme}://{user}:{password}@{host}/stream?channel=1",
        f"{scheme}://{host}/user={user}&password={password}&channel=1",
        f"{scheme}://{host}/{user}/{password}.cgi",
        f"{scheme}://{host}?pwd={password}#{user}",
    ):
        assert mask_address(address) in (f"{scheme}://{host}", f"{scheme}://…")
        assert mask_address(f"lobby: {address}") == f"lobby: {mask_address(address)}"
        assert source_name(address) == mask_address(address)


@given(SECRETS)
def test_a_masked_address_stays_as_it_is(text: str) -> None:
    assert mask_address(mask_address(text)) == mask_address(text)


@pytest.mark.parametrize("spec", ["rtsp://admin:hunter2", "http://admin:hun/ter2@cam/", "rtsp:///hunter2"])
def test_an_address_without_a_host_is_refused_with_how_to_escape(spec: str) -> None:
    assert not has_host(spec)
    with pytest.raises(SourceError, match=r"has no host: in a password write %40 for @, %2F for /") as error:
        check_source(spec)
    assert not re.search("hun|ter", str(error.value))


@pytest.mark.parametrize(
    "spec",
    [
        "rtmp://admin:hunter2@cam/live",
        "admin:hunter2@cam/stream",
        "cam/user=admin&password=hunter2",
        "cam?hunter2",
    ],
)
def test_a_source_that_does_not_exist_is_refused_without_its_password(spec: str) -> None:
    with pytest.raises(SourceError, match="there is no source") as error:
        check_source(spec)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "HTTP"])
@pytest.mark.parametrize("rest", ["admin:hunter2@127.0.0.1:9/x", "127.0.0.1:9/admin:hun@ter2"])
def test_a_camera_that_does_not_answer_shows_and_logs_no_password(
    scheme: str, rest: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{scheme}://{rest}"
    check_source(url)
    opener = SourceOpener(url, (640, 480), lambda: FakeSource([plain_image()]))
    camera = Camera(source_name(url), opener, fake_process, idle_s=0, stall_s=60)
    shown = next(watch(camera))
    state = camera.state()
    assert camera.close()
    written = capfd.readouterr()
    for text in (shown.problem, state.source, str(state.summary()), caplog.text, written.out, written.err):
        assert not re.search("admin|hun|ter2", text)
    assert shown.problem.lower().startswith(scheme.lower())
    assert ("write %40 for @" in shown.problem) == ("@ter2" in rest)  # where the password may be the reason


def test_the_settings_text_has_no_secret() -> None:
    secret = "hunter2"
    settings = Settings(
        source=f"rtsp://{secret}@cam",
        auth=f"me:{secret}",
        token=secret,
        database_url=f"postgresql://me:{secret}@db/x",
        redis_url=f"redis://:{secret}@db",
    )
    assert secret not in repr(settings)
