"""Faces as OSC messages, received by a real server."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from outputs.base import Moment, OutputError
from outputs.camera_outputs import CameraOutputs
from outputs.delivery import DeliveryWaits
from outputs.osc import OscOutput
from settings import ROOT, StartError
from tests.fakes.camera import Watched
from tests.fakes.images import make_track
from tests.fakes.waiting import PATIENCE_S, until
from vision.emotions import EMOTIONS
from vision.frames import AnnotatedFrame

QUICK = DeliveryWaits(tick_s=0.05, min_pause_s=0.05, max_pause_s=0.1)
FACE = make_track(7, (10, 20, 110, 120), "surprise")
MOMENT = Moment(3, 100.0, (640, 480), [FACE])


class Receiver:
    """An OSC server on a port of this machine, which keeps what it gets."""

    def __init__(self, port: int = 0) -> None:
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(self._keep)
        self.got: list[tuple[str, tuple[Any, ...]]] = []
        self._server = BlockingOSCUDPServer(("127.0.0.1", port), dispatcher)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _keep(self, address: str, *values: Any) -> None:
        self.got.append((address, values))

    def values(self) -> dict[str, tuple[Any, ...]]:
        return dict(self.got)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE_S)
        self._server.server_close()


@contextmanager
def opened(port: int, name: str = "hall") -> Iterator[OscOutput]:
    output = OscOutput(f"127.0.0.1:{port}", name)
    output.open()
    with closing(output):
        yield output


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_a_face_arrives_with_all_its_numbers() -> None:
    with closing(Receiver()) as receiver, opened(receiver.port) as output:
        output.send(MOMENT)
        until(lambda: "/hall/face/1/box" in receiver.values())
        got = receiver.values()
    assert (got["/hall/frame"], got["/hall/faces"], got["/hall/size"]) == ((3,), (1,), (640, 480))
    assert got["/hall/time"][0] == pytest.approx(MOMENT.unix_s, abs=1)  # exact to more than float32 has
    assert [got[f"/hall/face/{place}/number"] for place in (1, 2, 3, 4)] == [(7,), (0,), (0,), (0,)]
    assert (got["/hall/face/1/emotion"], got["/hall/face/1/sure"]) == (("surprise",), (1,))
    assert got["/hall/face/1/box"] == (10, 20, 110, 120)
    for emotion in EMOTIONS:
        expected = 0.7 if emotion == "surprise" else 0.05
        assert got[f"/hall/face/1/{emotion}"] == pytest.approx((expected,))
    assert got["/hall/face/1/valence"] == pytest.approx((0.2015,))
    assert got["/hall/face/1/confidence"] == pytest.approx((0.7,))


def test_a_marker_arrives_with_its_time() -> None:
    with closing(Receiver()) as receiver, opened(receiver.port) as output:
        output.marker("stimulus, „1“", 1_760_000_000.125)
        until(lambda: "/hall/marker" in receiver.values())
        assert receiver.values()["/hall/marker"] == ("stimulus, „1“", 1_760_000_000.125)


def test_the_beginning_and_the_end_are_told() -> None:
    with closing(Receiver()) as receiver:
        with opened(receiver.port):
            until(lambda: receiver.got == [("/hall/online", (1,))])
        until(lambda: receiver.got[1:] == [("/hall/online", (0,))])


def test_no_packet_is_larger_than_networks_carry_in_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind(("127.0.0.1", 0))
        raw.settimeout(10)
        faces = [make_track(number, (1000, 1000, 1900, 1900)) for number in range(1, 7)]
        with opened(raw.getsockname()[1], "n" * 40) as output:
            output.send(Moment(1, 1.0, (1920, 1080), faces))
            sizes = [len(raw.recv(65536)) for _ in range(6)]  # hello, the frame, and four faces
    assert max(sizes) < 1400


def test_a_port_on_which_nothing_listens_is_told_in_a_sentence() -> None:
    port = free_port()
    with (
        closing(OscOutput(f"127.0.0.1:{port}", "hall")) as output,
        pytest.raises(OutputError, match=rf"^Nothing listens on 127\.0\.0\.1:{port}\.$"),
    ):
        output.open()


def test_a_host_that_does_not_exist_is_told_in_a_sentence() -> None:
    with pytest.raises(OutputError, match=r"^nowhere\.invalid:9000 cannot be reached: .+\.$"):
        OscOutput("nowhere.invalid:9000", "hall").open()


@pytest.mark.parametrize(
    "text", ["9000", "host", "host:0", "host:65536", ":9000", "a b:9000", "osc://a:9", "::1:9"]
)
def test_what_is_no_receiver_is_said_at_the_start(text: str) -> None:
    with pytest.raises(StartError, match=r"^--osc must be HOST:PORT like"):
        OscOutput(text, "hall")


def test_an_ipv6_address_is_one() -> None:
    assert OscOutput("[::1]:9000", "hall").address == "[::1]:9000"


def test_a_server_that_dies_is_missed_counted_and_found_again() -> None:
    camera, first = Watched(), Receiver()
    output = OscOutput(f"127.0.0.1:{first.port}", "hall")

    def put(index: int) -> bool:
        t_s = 10.0 + index / 30
        camera.annotated.put(AnnotatedFrame(index, t_s, t_s, b"", [FACE]))
        return False

    with closing(CameraOutputs(camera, [output], QUICK)) as outputs:
        outputs.start()
        until(lambda: outputs.status()[0].connected)
        for index in range(20):
            put(index)
        until(lambda: outputs.status()[0].sent == 20)
        until(
            lambda: (
                [values for address, values in first.got if address == "/hall/frame"] == [*map(_one, range(20))]
            )
        )
        first.close()
        indexes = iter(range(20, 100_000))
        until(lambda: put(next(indexes)) or outputs.status()[0].problem)
        assert outputs.status()[0].problem == f"Nothing listens on 127.0.0.1:{first.port}."
        with closing(Receiver(first.port)) as second:
            until(lambda: put(next(indexes)) or second.values().get("/hall/frame"))
        offered = next(indexes)
        until(lambda: outputs.status()[0].sent + outputs.status()[0].dropped == offered)
        status = outputs.status()[0]
    heard = sum(address == "/hall/frame" for one in (first, second) for address, _ in one.got)
    lost = offered - heard
    assert status.dropped > 0
    # the network takes a packet or two of which it says only later that nobody was there
    assert status.dropped <= lost <= status.dropped + 8


def _one(value: int) -> tuple[int]:
    return (value,)


def test_the_documents_table_has_every_address_with_its_types() -> None:
    text = (ROOT / "docs" / "outputs.md").read_text("utf-8").split("## OSC")[1].split("## MQTT")[0]
    documented = dict(re.findall(r"^\| `(/NAME/\S+)` \| ([sifd]+) \|", text, re.MULTILINE))
    with closing(Receiver()) as receiver:
        with opened(receiver.port) as output:
            output.send(MOMENT)
            output.marker("begin", 1.5)
        until(lambda: ("/hall/online", (0,)) in receiver.got)
        found = {as_documented(address): types_of(values) for address, values in receiver.got}
    assert found == {
        address: types.replace("d", "f") for address, types in documented.items()
    }  # Python has one


def as_documented(address: str) -> str:
    """Return an address as the table has it: one of seven emotions stands for all."""
    address = re.sub(r"/\d/", "/PLACE/", address.replace("/hall/", "/NAME/"))
    return re.sub(rf"({'|'.join(EMOTIONS)})$", "angry", address)


def types_of(values: tuple[Any, ...]) -> str:
    kinds = {str: "s", int: "i", float: "f"}
    return "".join(kinds[type(value)] for value in values)
