"""Faces as MQTT messages, published to a real broker."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from jinja2 import Environment

from outputs.base import Moment, OutputError
from outputs.camera_outputs import CameraOutputs
from outputs.delivery import DeliveryWaits
from outputs.home_assistant import discovery
from outputs.mqtt import MqttOutput, state_json
from settings import ROOT, StartError
from tests.fakes.brokers import Mosquitto, Subscriber
from tests.fakes.camera import Watched
from tests.fakes.images import make_track
from tests.fakes.server import free_port
from tests.fakes.waiting import until
from vision.emotions import EMOTIONS
from vision.faces import face_json
from vision.frames import AnnotatedFrame

QUICK = DeliveryWaits(tick_s=0.05, min_pause_s=0.05, max_pause_s=0.1)
SMALL, LARGE = make_track(1, (0, 0, 9, 9), "sad"), make_track(2, (0, 0, 90, 90), "happy")
MOMENT = Moment(3, 100.0, (640, 480), [SMALL, LARGE])
NOBODY = Moment(4, 101.0, (640, 480), [])


@contextmanager
def opened(url: str, name: str = "hall") -> Iterator[MqttOutput]:
    with closing(MqttOutput(url, name)) as output:
        output.open()
        yield output


def url_of(broker: Mosquitto, prefix: str = "/home/faces") -> str:
    return f"mqtt://127.0.0.1:{broker.port}{prefix}"


def test_the_faces_of_a_frame_arrive_as_json(broker: Mosquitto) -> None:
    with closing(Subscriber(broker.port, "#")) as subscriber, opened(url_of(broker)) as output:
        output.send(MOMENT)
        output.marker("begin", 1_760_000_000.125)
        until(lambda: subscriber.payloads("home/faces/hall/marker"))
        [state] = subscriber.payloads("home/faces/hall/state")
        [marker] = subscriber.payloads("home/faces/hall/marker")
    got = json.loads(state)
    assert (got["frame"], got["count"], got["emotion"], got["face"]) == (3, 2, "happy", 2)
    assert got["time"] == pytest.approx(MOMENT.unix_s, abs=1)
    assert got["faces"] == [face_json(SMALL), face_json(LARGE)]
    assert json.loads(marker) == {"label": "begin", "time": 1_760_000_000.125}


def test_who_comes_later_is_told_what_there_is_and_whether_it_is_online(broker: Mosquitto) -> None:
    with opened(url_of(broker, "")):
        with closing(Subscriber(broker.port, "#")) as late:
            until(lambda: len(late.got) == 6)
        assert late.payloads("faces/hall/availability") == ["online"]
        assert all(is_kept for _, _, is_kept in late.got)
    with closing(Subscriber(broker.port, "faces/hall/availability")) as after:
        until(lambda: after.payloads("faces/hall/availability") == ["offline"])


def test_the_broker_says_offline_for_a_program_that_died(broker: Mosquitto) -> None:
    with closing(Subscriber(broker.port, "#")) as subscriber, opened(url_of(broker, "")) as output:
        assert output._client
        cast("socket.socket", output._client.socket()).shutdown(socket.SHUT_RDWR)  # without a goodbye
        until(lambda: subscriber.payloads("faces/hall/availability") == ["online", "offline"])
        until(lambda: _is_lost(output))


def _is_lost(output: MqttOutput) -> bool:
    try:
        output.is_heard()
    except OutputError as error:
        return "was lost" in str(error)
    return False


def test_a_broker_that_dies_is_missed_counted_and_found_again(broker: Mosquitto) -> None:
    camera, output = Watched(), MqttOutput(url_of(broker, ""), "hall")
    output.period_s = 0.0
    offered = 0

    def put() -> None:
        nonlocal offered
        offered += 1
        t_s = 10.0 + offered / 30
        camera.annotated.put(AnnotatedFrame(offered, t_s, t_s, b"", [LARGE]))

    with closing(CameraOutputs(camera, [output], QUICK)) as outputs:
        outputs.start()
        until(lambda: outputs.status()[0].connected)
        first = Subscriber(broker.port, "faces/hall/#")
        for _ in range(20):
            put()
        until(lambda: outputs.status()[0].sent == 20)
        until(lambda: len(first.payloads("faces/hall/state")) == 20)
        first.close()
        broker.kill()
        until(lambda: outputs.status()[0].problem)
        assert not outputs.status()[0].connected
        for _ in range(30):
            put()
        outputs.marker("while it was away", 5.0)
        until(lambda: "cannot be reached" in outputs.status()[0].problem)
        broker.start()
        with closing(Subscriber(broker.port, "faces/hall/#")) as second:
            until(lambda: outputs.status()[0].connected)
            until(lambda: second.payloads("faces/hall/marker"))
            for _ in range(10):
                put()
            until(lambda: len(second.payloads("faces/hall/state")) == 10)
            until(lambda: outputs.status()[0].sent == 31)
        status = outputs.status()[0]
    # exact, because what is sent is acknowledged: 20, the marker and 10 arrived, and 30 frames did not
    assert (status.sent, status.dropped, status.problem) == (31, 30, "")


def test_a_broker_that_stands_still_is_noticed_and_holds_nobody_up_at_the_end(broker: Mosquitto) -> None:
    with opened(url_of(broker)) as output:
        broker.freeze()
        with pytest.raises(OutputError, match=r"^mqtt://127\.0\.0\.1:\d+ does not acknowledge messages\.$"):
            output.send(MOMENT)
        with pytest.raises(OutputError, match="does not acknowledge"):
            output.is_heard()
        started_s = time.monotonic()
        output.close()
        assert time.monotonic() - started_s < 1.5


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_by_tls_checks_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl on this machine")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=broker"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    broker = Mosquitto(tmp_path, f"allow_anonymous true\ncertfile {cert}\nkeyfile {key}")
    broker.start()
    url = f"mqtts://127.0.0.1:{broker.port}/x"
    with (
        closing(MqttOutput(url, "hall")) as stranger,
        pytest.raises(OutputError, match="certificate verify failed"),
    ):
        stranger.open()
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    with opened(url) as output:
        assert output.is_heard()
    broker.kill()


def test_a_second_program_of_one_name_ends_the_first_ones_connection_and_is_online(broker: Mosquitto) -> None:
    with opened(url_of(broker, "")) as first, opened(url_of(broker, "")) as second:
        until(lambda: _is_lost(first))
        with closing(Subscriber(broker.port, "faces/hall/availability")) as subscriber:
            until(lambda: subscriber.payloads("faces/hall/availability") == ["online"])
        assert second.is_heard()


class TestPassword:
    @pytest.fixture
    def broker(self, tmp_path: Path) -> Iterator[Mosquitto]:
        if not shutil.which("mosquitto_passwd"):
            pytest.skip("there is no mosquitto on this machine")
        passwords = tmp_path / "passwords"
        subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "ann", "p@ss/1"], check=True)
        mosquitto = Mosquitto(tmp_path, f"password_file {passwords}")
        mosquitto.start()
        yield mosquitto
        mosquitto.kill()

    def test_an_escaped_password_opens_the_broker(self, broker: Mosquitto) -> None:
        with opened(f"mqtt://ann:p%40ss%2F1@127.0.0.1:{broker.port}/x") as output:
            assert output.is_heard()
            assert output.address == f"mqtt://127.0.0.1:{broker.port}"

    def test_a_wrong_one_is_told_without_it(self, broker: Mosquitto) -> None:
        with (
            closing(MqttOutput(f"mqtt://ann:secret@127.0.0.1:{broker.port}/x", "hall")) as output,
            pytest.raises(OutputError) as caught,
        ):
            output.open()
        assert re.fullmatch(r"mqtt://127\.0\.0\.1:\d+ refuses the connection: .+\.", str(caught.value))


def test_a_broker_that_is_not_there_is_told_in_a_sentence() -> None:
    with (
        closing(MqttOutput(f"mqtt://ann:secret@127.0.0.1:{free_port()}/x", "hall")) as output,
        pytest.raises(OutputError, match=r"^mqtt://127\.0\.0\.1:\d+ cannot be reached: Connection refused\.$"),
    ):
        output.open()


URLS = [
    "host",
    "http://host/x",
    "mqtt://",
    "mqtt:///x",
    "mqtt://a:b",
    "mqtt://h:99999/x",
    "mqtt://h:0/x",
    "mqtt://h/a%2Bb",
    "mqtt://h/#",
    "mqtt://u:p@q@h/#/x",
]


@pytest.mark.parametrize("url", URLS)
def test_what_is_no_broker_is_said_at_the_start(url: str) -> None:
    with pytest.raises(StartError, match=r"^--mqtt must be mqtt://.*%40 for @") as caught:
        MqttOutput(url, "hall")
    assert url not in str(caught.value) or url == "mqtt://"


def test_without_a_face_there_are_no_numbers_and_an_unsure_one_is_called_so() -> None:
    state = state_json(NOBODY)
    assert (state["emotion"], state["count"], state["faces"]) == ("no face", 0, [])
    assert [state[name] for name in ("confidence", "valence", "arousal", "face")] == [None] * 4
    unsure = make_track(1, (0, 0, 9, 9), "sad", sure=False)
    assert state_json(Moment(1, 1.0, (9, 9), [unsure]))["emotion"] == "unsure"


class TestHomeAssistant:
    configs: ClassVar = {
        topic.split("fer_hall_")[1].split("/")[0]: config for topic, config in discovery("hall", "faces/hall")
    }

    @pytest.mark.parametrize(
        ("moment", "shown"),
        [
            (
                MOMENT,
                {
                    "count": "2",
                    "emotion": "happy",
                    "confidence": "70",
                    "valence": "0.468",
                    "arousal": "0.454",
                },
            ),
            (
                NOBODY,
                {
                    "count": "0",
                    "emotion": "no face",
                    "confidence": "None",
                    "valence": "None",
                    "arousal": "None",
                },
            ),
        ],
    )
    def test_each_sensor_reads_its_value_from_the_state(self, moment: Moment, shown: dict[str, str]) -> None:
        value_json = json.loads(json.dumps(state_json(moment)))
        templates = {sensor: config["value_template"] for sensor, config in self.configs.items()}
        read = {
            sensor: Environment().from_string(template).render(value_json=value_json)
            for sensor, template in templates.items()
        }
        assert read == shown

    def test_every_emotion_is_one_of_the_sensors_options(self) -> None:
        assert {*EMOTIONS, "unsure", "no face"} == set(self.configs["emotion"]["options"])

    def test_all_sensors_are_one_device_and_known_again(self) -> None:
        assert len({config["unique_id"] for config in self.configs.values()}) == len(self.configs) == 5
        assert {json.dumps(config["device"]) for config in self.configs.values()} == {
            json.dumps(self.configs["count"]["device"])
        }
        assert self.configs["count"]["device"]["identifiers"] == ["live-facial-emotions-hall"]

    def test_home_assistant_is_told_where_the_values_are(self) -> None:
        for config in self.configs.values():
            assert config["state_topic"] == "faces/hall/state"
            assert config["availability_topic"] == "faces/hall/availability"


def test_the_documents_topics_are_those_that_are_published(broker: Mosquitto) -> None:
    text = section()
    documented = re.findall(r"^\| `((?:PREFIX|homeassistant)/\S+)` \|.*\| (yes|no) \|$", text, re.MULTILINE)
    with closing(Subscriber(broker.port, "#")) as before:
        with opened(url_of(broker, "")) as output:
            output.send(MOMENT)
            output.marker("begin", 1.5)
        until(lambda: before.payloads("faces/hall/availability")[-1:] == ["offline"])
    with closing(Subscriber(broker.port, "#")) as after:
        until(lambda: after.payloads("faces/hall/availability"))
    kept = {as_documented(topic) for topic, _, _ in after.got}
    assert {(topic, "yes" if topic in kept else "no") for topic, _, _ in before_topics(before)} == set(
        documented
    )


def before_topics(subscriber: Subscriber) -> list[tuple[str, str, bool]]:
    return [(as_documented(topic), payload, kept) for topic, payload, kept in subscriber.got]


def as_documented(topic: str) -> str:
    topic = topic.replace("faces/hall", "PREFIX/NAME")
    return re.sub(r"fer_hall_\w+", "fer_NAME_SENSOR", topic)


def test_the_documents_example_has_the_fields_that_are_sent() -> None:
    [example] = re.findall(r"```json\n(.+?)```", section(), re.DOTALL)
    shown: dict[str, Any] = json.loads(example)
    sent = state_json(Moment(3, 100.0, (640, 480), [LARGE]))
    assert list(shown) == list(sent)
    assert list(shown["faces"][0]) == list(sent["faces"][0])
    assert shown["valence"] == pytest.approx(shown["faces"][0]["valence"])


def section() -> str:
    return (ROOT / "docs" / "outputs.md").read_text("utf-8").split("## MQTT")[1].split("## LSL")[0]
