"""Real Redis, real camera processes and web hosts, killed and restarted in turn."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from settings import ROOT
from tests.fakes.browser import PATIENCE_MS, WIDTH
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import picture_of, plain_image
from tests.fakes.postgres import Postgres
from tests.fakes.relay import FakeCameras, make_fake_wall
from tests.fakes.server import LARGE_FACES, Server, free_port, serving
from tests.fakes.server import Viewer as OneViewer
from tests.fakes.waiting import PATIENCE_S, until
from vision.jpeg import encode_jpeg

pytestmark = pytest.mark.server


class Redis:
    """A redis-server of the test's own, in memory only."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def redis() -> Iterator[Redis]:
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server on this machine; .ci/run installs it")
    redis = Redis()
    yield redis
    redis.kill()


class CameraProcess:
    """`python main.py camera`, as a process of its own."""

    def __init__(self, redis: Redis, log: Path, name: str, *more: str) -> None:
        flags = ["camera", "--name", name, "--source", "demo", "--idle-s", "0"]
        flags += [*more, *LARGE_FACES]
        command = [sys.executable, str(ROOT / "main.py"), *flags, "--redis-url", redis.url]
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    @property
    def output(self) -> str:
        return self.log.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


StartCamera = Callable[..., CameraProcess]


@pytest.fixture
def start_camera(redis: Redis, tmp_path: Path) -> Iterator[StartCamera]:
    cameras: list[CameraProcess] = []

    def start(name: str = "lobby", *more: str) -> CameraProcess:
        log = tmp_path / f"camera{len(cameras)}.log"
        cameras.append(CameraProcess(redis, log, name, *more))
        return cameras[-1]

    yield start
    for camera in cameras:
        if camera.process.poll() is None:
            camera.process.terminate()
    for camera in cameras:
        camera.process.wait(PATIENCE_S)


class Viewer(OneViewer):
    """Watches one camera of a web host, and notes when pictures came."""

    path = b"/video_feed/lobby"

    def __init__(self, port: int) -> None:
        self.came_at: list[float] = []
        self.numbers: list[int] = []
        self.no_signals = 0
        super().__init__(port)

    def run(self) -> None:
        self.socket.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % self.path)
        numbers = re.compile(rb"X-Sequence: (\d+)")
        last = b""
        try:
            while chunk := self.socket.recv(65536):
                for number in numbers.findall(chunk):
                    if number not in (last, b"0"):  # a repeated picture, or "no signal"
                        self.came_at.append(time.monotonic())
                        self.numbers.append(int(number))
                    self.no_signals += number == b"0"
                    last = number
                self.pictures = len(self.came_at)
        except OSError:
            pass
        finally:
            self.socket.close()

    def comes_again_after(self, since: float) -> float:
        """Return the seconds from `since` to the first new picture after the stream stood still."""
        until(lambda: any(at > since + 0.7 for at in self.came_at))
        return next(at for at in self.came_at if at > since + 0.7) - since


class NamedViewer(Viewer):
    """Gives its name, as pages do."""

    path = Viewer.path + b"?viewer=me"


def listed(server: Server) -> list[str]:
    return [camera["name"] for camera in json.loads(server.get("/cameras"))["cameras"]]


def start_web(start_server: Callable[..., Server], redis: Redis, *flags: str) -> Server:
    return start_server("web", "--redis-url", redis.url, *flags)


def test_a_camera_process_and_a_web_host_find_each_other_and_the_camera_runs_only_while_it_is_watched(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server]
) -> None:
    camera = start_camera()
    server = start_web(start_server, redis, "--workers", "2")
    until(lambda: listed(server) == ["lobby"])
    viewers: list[Viewer] = [NamedViewer(server.port)]
    state = "/cameras/lobby/state?viewer=me"  # of the worker that serves it, or of the other
    states = (json.loads(server.get(state)) for _ in count())
    until(lambda: all((state["watching"], state["viewers"]) == (True, 1) for state in islice(states, 20)))
    viewers += [Viewer(server.port) for _ in range(3)]
    until(lambda: all(viewer.pictures > 20 for viewer in viewers))
    for viewer in viewers:
        viewer.socket.close()
    until(lambda: "closed demo" in camera.output)
    again = Viewer(server.port)
    until(lambda: again.pictures > 5)
    again.socket.close()
    server.stop()
    assert "Traceback" not in server.output
    assert camera.end() == 0
    assert camera.output.count("opened demo") == 2
    assert "Traceback" not in camera.output


def test_a_killed_camera_process_is_replaced_by_the_one_that_waits(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server]
) -> None:
    first = start_camera()
    server = start_web(start_server, redis)
    until(lambda: listed(server) == ["lobby"])
    second = start_camera()
    viewer = Viewer(server.port)
    until(lambda: viewer.pictures > 20)
    until(lambda: "waiting for it to end" in second.output)
    killed_at = time.monotonic()
    first.end(signal.SIGKILL)
    seconds = viewer.comes_again_after(killed_at)
    print(f"the picture was back {seconds:.1f} s after kill -9 of its camera process")
    viewer.socket.close()


def test_a_killed_web_worker_costs_the_other_hosts_viewers_nothing(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server]
) -> None:
    start_camera()
    servers = [start_web(start_server, redis) for _ in range(2)]
    until(lambda: all(listed(server) == ["lobby"] for server in servers))
    dying, staying = (Viewer(server.port) for server in servers)
    until(lambda: dying.pictures > 10 and staying.pictures > 10)
    children = Path(f"/proc/{servers[0].process.pid}/task/{servers[0].process.pid}/children")
    killed_at = time.monotonic()
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    dying.join(PATIENCE_S)
    again: list[Viewer] = []

    def watches_again() -> bool:
        if not again or not again[-1].is_alive():
            again.append(Viewer(servers[0].port))
        return again[-1].pictures > 0

    until(watches_again)
    seconds = again[-1].came_at[0] - killed_at
    first = len(staying.came_at)
    until(lambda: len(staying.came_at) > first + 40)
    print(f"the picture was back {seconds:.1f} s after kill -9 of its web worker")
    pauses = [
        later - at for at, later in zip(staying.came_at, staying.came_at[1:], strict=False) if at > killed_at
    ]
    numbers = staying.numbers[-40:]
    lost = numbers[-1] - numbers[0] + 1 - len(numbers)
    print(f"the other host's viewer lost {lost} of {len(numbers) + lost}, longest pause {max(pauses):.2f} s")
    assert staying.is_alive()
    for viewer in (again[-1], staying):
        viewer.socket.close()


def status_of(server: Server, path: str) -> int:
    try:
        server.get(path)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def test_the_workers_of_all_web_hosts_count_wrong_tokens_together(
    redis: Redis, start_server: Callable[..., Server]
) -> None:
    flags = ("--token", "t0ken", "--workers", "2")
    servers = [start_web(start_server, redis, *flags) for _ in range(2)]
    guesses = [status_of(servers[number % 2], "/readyz?token=guess") for number in range(100)]
    assert (guesses.count(401), guesses.count(429)) == (20, 80)
    assert all(status_of(server, "/readyz?token=t0ken") == 200 for server in servers for _ in range(8))
    redis.kill()
    alone = {status_of(servers[0], "/cameras?token=guess") for _ in range(200)}
    assert alone == {401, 429}
    for server in servers:
        server.stop()
        assert "Traceback" not in server.output


AWAY_S = 3.0  # longer than the Redis client tries again by itself


def test_redis_may_go_and_come_back_and_every_stream_goes_on_by_itself(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server]
) -> None:
    camera = start_camera()
    server = start_web(start_server, redis)
    until(lambda: listed(server) == ["lobby"])
    viewer = Viewer(server.port)
    until(lambda: viewer.pictures > 10)
    before = viewer.no_signals
    redis.kill()
    until(lambda: viewer.no_signals > before)  # it sees why there is no picture
    with pytest.raises(OSError, match="503"):
        server.get("/cameras")
    time.sleep(AWAY_S)
    back_at = time.monotonic()
    redis.start()
    seconds = viewer.comes_again_after(back_at - 0.7) - 0.7
    print(f"the picture was back {seconds:.1f} s after Redis was")
    viewer.socket.close()
    server.stop()
    camera.end()
    assert "Redis does not answer" in camera.output
    assert "Traceback" not in camera.output + server.output


def watch_lobby(
    start_camera: StartCamera, start_server: Callable[..., Server], redis: Redis
) -> tuple[Server, Viewer]:
    """Return a web host that shows one camera, and a viewer that has its first pictures."""
    start_camera()
    server = start_web(start_server, redis)
    until(lambda: listed(server) == ["lobby"])
    viewer = Viewer(server.port)
    until(lambda: viewer.pictures > 5)
    return server, viewer


def test_a_stalled_reader_costs_redis_no_memory_and_the_others_nothing(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server]
) -> None:
    from redis import Redis as Client

    server, viewer = watch_lobby(start_camera, start_server, redis)
    stalled = socket.create_connection(("127.0.0.1", server.port))
    stalled.sendall(b"GET /video_feed/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n")  # and never reads
    with stalled, Client.from_url(redis.url) as client:
        before = int(client.info("memory")["used_memory"])
        seen = viewer.pictures
        until(lambda: viewer.pictures > seen + 60)
        assert client.xlen("fer:frames:lobby") <= 2
        assert int(client.info("memory")["used_memory"]) - before < 2_000_000
    viewer.socket.close()


def test_no_picture_stays_in_redis_when_the_last_viewer_has_left(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server]
) -> None:
    from redis import Redis as Client

    _, viewer = watch_lobby(start_camera, start_server, redis)
    with Client.from_url(redis.url) as client:
        assert client.exists("fer:frames:lobby")
        viewer.socket.close()
        until(lambda: not client.exists("fer:frames:lobby"))


def post(server: Server, path: str, body: str) -> dict[str, Any]:
    request = urllib.request.Request(server.url + path, body.encode(), {"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def post_until_answered(server: Server, path: str, body: str) -> dict[str, Any]:
    """Return the answer; on a busy machine the camera's process does not answer every time."""
    answers: list[dict[str, Any]] = []

    def is_answered() -> bool:
        try:
            answers.append(post(server, path, body))
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        return bool(answers)

    until(is_answered)
    return answers[0]


def until_recorded(server: Server, but: int | None = None) -> int:
    """Wait until some faces are in the history; return the number of the session, which is another."""

    def recorded() -> dict[str, Any]:
        state: dict[str, Any] = json.loads(server.get("/cameras/lobby/state"))["recording"]
        return state

    def is_recorded() -> bool:
        seen.append(recorded())
        return seen[-1]["session"] not in (None, but) and seen[-1]["sightings"] > 5

    seen: list[dict[str, Any]] = []
    until(is_recorded)
    number: int = seen[-1]["session"]
    return number


def test_any_host_records_and_shows_what_was_recorded_and_a_spare_goes_on_recording(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server], postgres: Postgres
) -> None:
    database = ("--database-url", postgres.make_database("relay"))
    first = start_camera("lobby", *database)
    one, other = (start_web(start_server, redis, *database, "--workers", "2") for _ in range(2))
    until(lambda: listed(one) == listed(other) == ["lobby"])
    spare = start_camera("lobby", *database)
    assert post_until_answered(one, "/cameras/lobby/view", '{"bars": true}')["bars"] is True
    assert post_until_answered(one, "/cameras/lobby/recording", "on=true")["on"] is True
    dead = until_recorded(other)
    assert "being recorded" in other.get("/history").decode()
    with pytest.raises(OSError, match="409"):
        post(other, "/history/delete", "")
    first.end(signal.SIGKILL)
    until_recorded(one, but=dead)
    assert json.loads(one.get("/cameras/lobby/view"))["bars"] is True
    assert post_until_answered(other, "/cameras/lobby/recording", "on=false")["on"] is False
    page = one.get("/history").decode()
    assert page.count("lobby: demo") == 2  # the dead process's session, and the spare's
    assert "being recorded" not in page
    for number in re.findall(r'href="/history/(\d+)"', page):
        rows = other.get(f"/history/{number}.csv").decode().splitlines()
        assert len(rows) > 5
        assert "lobby: demo" in rows[1]
    spare.end()
    with pytest.raises(OSError, match="503"):
        post(one, "/cameras/lobby/recording", "on=true")
    for server in (one, other):
        server.stop()
        assert "Traceback" not in server.output


def mark(server: Server, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return the status and the answer of a marker that a web host is sent."""
    headers = {"Accept": "application/json"}
    url = f"{server.url}/cameras/lobby/markers"
    request = urllib.request.Request(url, json.dumps(values).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_markers_reach_the_camera_s_process_from_any_web_host(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    database = ("--database-url", str(tmp_path / "history.sqlite"))
    camera = start_camera("lobby", *database)
    one, other = (start_web(start_server, redis, *database) for _ in range(2))
    until(lambda: listed(one) == listed(other) == ["lobby"])
    sentence = {"error": "Nothing is being recorded, so there is nothing to mark."}
    assert mark(one, {"label": "too early"}) == (409, sentence)
    form = "on=true&name=Pilot&tags=P01&labels=on,off"
    recording = post_until_answered(one, "/cameras/lobby/recording", form)
    assert (recording["name"], recording["labels"]) == ("Pilot", ["on", "off"])
    number = until_recorded(other)
    sent_s = time.time()
    answers = [
        mark(server, {"label": str(n), "time": time.time()}) for n, server in enumerate((one, other) * 5)
    ]
    assert [status for status, _ in answers] == [201] * 10
    assert [answer["number"] for _, answer in answers] == list(range(1, 11))
    late_s = [answer["arrived_time"] - answer["caller_time"] for _, answer in answers]
    print(f"markers arrived {min(late_s) * 1000:.0f} to {max(late_s) * 1000:.0f} ms after their callers' time")
    assert -0.1 < min(late_s) <= max(late_s) < PATIENCE_S
    status, answer = mark(other, {"label": "x", "time": sent_s - 3600})
    assert (status, answer["error"].partition(" is ")[0]) == (400, "time")
    assert json.loads(one.get("/cameras/lobby/state"))["recording"]["markers"] == 10
    post_until_answered(other, "/cameras/lobby/recording", "on=false")
    markers = json.loads(one.get(f"/history/{number}/markers"))
    assert [marker["marker"] for marker in markers] == [str(n) for n in range(10)]
    assert "Pilot</h1>" in re.sub(r"\s", "", other.get(f"/history/{number}").decode())
    camera.end()
    assert mark(one, {"label": "gone"})[0] == 503
    for server in (one, other):
        server.stop()
        assert "Traceback" not in server.output
    assert "Traceback" not in camera.output


def ask_for_rest(server: Server, **values: Any) -> tuple[int, str]:
    """Return the status and the sentence of a resting face that a web host is asked for."""
    url = f"{server.url}/cameras/lobby/rest"
    try:
        with urllib.request.urlopen(url, json.dumps(values).encode(), timeout=PATIENCE_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_resting_faces_reach_the_camera_s_process_from_any_web_host_and_its_recording(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    database = ("--database-url", str(tmp_path / "history.sqlite"))
    camera = start_camera("lobby", "--record", *database)
    one, other = (start_web(start_server, redis, *database) for _ in range(2))
    until(lambda: listed(one) == listed(other) == ["lobby"])
    assert ask_for_rest(one, track_id=999, action="measure") == (400, "Face 999 is not in the picture now.\n")

    def faces() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(other.get("/cameras/lobby/state"))["faces"]
        return found

    viewer = Viewer(other.port)  # a web host has faces while somebody watches there
    until(faces)
    asked: set[int] = set()

    def measured() -> list[dict[str, Any]]:
        for face in faces():  # portraits go out of the picture: the next one is asked for, too
            number = face["track_id"]
            if not face["rest"] and number not in asked:
                status, _ = ask_for_rest(one, track_id=number, action="measure", name=f"portrait {number}")
                asked.update({number} if status == 204 else ())
        return [face for face in faces() if face["rest"] and face["rest"]["progress"] == 1]

    until(measured)
    until(lambda: json.loads(one.get("/cameras/lobby/view"))["rests"])
    names = json.loads(one.get("/cameras/lobby/view"))["rests"]
    assert names[0].startswith("portrait ")
    post_until_answered(other, "/cameras/lobby/recording", "on=false")
    recorded = json.loads(one.get("/history/1.json"))["RestingFaces"]["Faces"]
    assert {face["name"] for face in recorded} & set(names)
    camera.end()
    assert ask_for_rest(one, track_id=1, action="measure")[0] == 503
    for server in (one, other):
        server.stop()
        assert "Traceback" not in server.output
    viewer.join(PATIENCE_S)
    assert "Traceback" not in camera.output


@pytest.mark.browser
def test_the_wall_shows_every_camera_and_brings_back_what_was_away(
    redis: Redis, start_camera: StartCamera, start_server: Callable[..., Server], browser: Browser
) -> None:
    start_camera("door")
    server = start_web(start_server, redis)
    complaints: list[str] = []
    page = browser.new_page(bypass_csp=True)  # or Playwright's own wait_for_function is forbidden
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.url, wait_until="domcontentloaded")
    expect(page.locator("figcaption strong")).to_have_text(["door"])
    start_camera("lobby")
    expect(page.locator("figcaption strong")).to_have_text(["door", "lobby"])
    shown = "[...document.querySelectorAll('.wall img')].every(image => image.naturalWidth === 640)"
    page.wait_for_function(shown)
    expect(page.locator("figcaption .quiet")).to_have_text([re.compile(r"demo · .* fps")] * 2)
    page.clock.install()
    server.stop()
    expect(page.locator("#problem")).to_contain_text("does not answer")
    start_web(start_server, redis, "--port", str(server.port))
    page.clock.fast_forward(15_000)  # its longest pause
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("figcaption .quiet")).to_have_text([re.compile(r"demo · .* fps")] * 2)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate(WIDTH) <= 360
    page.close()
    assert complaints == []


def test_a_role_without_redis_is_refused_in_one_sentence() -> None:
    command = [sys.executable, str(ROOT / "main.py"), "camera", "--name", "lobby"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert result.stderr == "error: --role camera needs --redis-url\n"


@pytest.mark.browser
def test_a_wall_of_more_cameras_than_a_browser_opens_connections_shows_them_all(browser: Browser) -> None:
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, encode_jpeg(plain_image(100, 480, 640), 80)))
    cameras = FakeCameras(crowd, [f"camera{number}" for number in range(8)])
    wall = make_fake_wall(cameras)
    with serving(wall) as server:
        url = f"http://127.0.0.1:{server.port}"
        page = browser.new_page(bypass_csp=True)  # or a wait that is not over at once is forbidden
        page.goto(url, wait_until="domcontentloaded")
        expect(page.locator(".wall img")).to_have_count(8, timeout=PATIENCE_MS)
        shown = "[...document.querySelectorAll('.wall img')].every(image => image.naturalWidth > 0)"
        page.wait_for_function(shown, timeout=PATIENCE_MS)
        sources = page.locator(".wall img").evaluate_all("images => images.map(image => image.src)")
        assert sum("/video_feed/" in source for source in sources) == 4
        assert sum("/snapshot.jpg" in source for source in sources) == 4
        page.get_by_role("link", name="camera7").click()
        expect(page.get_by_role("link", name="All cameras")).to_be_visible(timeout=PATIENCE_MS)
        assert page.url == f"{url}/cameras/camera7/"
        page.close()
    crowd.close()


TILE = """() => {
  const image = document.querySelector(".wall img");
  if (!image?.naturalWidth) return -1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data[0];
}"""  # how bright the first tile is


@pytest.mark.browser
def test_a_tile_comes_back_when_its_stream_has_ended_although_the_browser_does_not_notice(
    browser: Browser,
) -> None:
    dying, next_one = FakeCrowd(), FakeCrowd()
    for crowd, level in ((dying, 40), (next_one, 200)):
        crowd.feed.put(picture_of(1, encode_jpeg(plain_image(level, 480, 640), 80)))
    cameras = FakeCameras(dying, ["lobby"])
    wall = make_fake_wall(cameras)
    with serving(wall) as server:
        url = f"http://127.0.0.1:{server.port}"
        page = browser.new_page(bypass_csp=True)
        page.set_default_timeout(PATIENCE_MS)
        page.clock.install()
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function(f"Math.abs(({TILE})() - 40) < 5")
        cameras.crowd = next_one  # as when another worker answers, and knows nothing of that stream
        dying.close()

        def brightness_after_a_second() -> int:
            with page.expect_response(lambda response: response.url.partition("?")[0].endswith("/cameras")):
                page.clock.fast_forward(1000)
            level: int = page.evaluate(TILE)
            return level

        until(lambda: abs(brightness_after_a_second() - 200) < 5)
        address = page.locator(".wall img").get_attribute("src")
        for _ in range(5):
            brightness_after_a_second()
        assert page.locator(".wall img").get_attribute("src") == address  # what runs is left alone
        assert len(next_one.audience) == 1
        page.close()
    next_one.close()


@pytest.mark.browser
def test_the_page_of_a_camera_whose_process_is_away_goes_on(browser: Browser) -> None:
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, encode_jpeg(plain_image(100, 480, 640), 80)))
    wall = make_fake_wall(FakeCameras(crowd))
    complaints: list[str] = []
    with serving(wall) as server:
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.port}/cameras/lobby/", wait_until="domcontentloaded")
        expect(page.locator("[data-face='3']")).to_be_visible(timeout=PATIENCE_MS)
        page.close()
    crowd.close()
    assert complaints == []
