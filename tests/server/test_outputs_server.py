"""The real program sends to real receivers, which die and come back, as the documents' examples say."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from settings import ROOT
from tests.fakes.brokers import Mosquitto, Subscriber
from tests.fakes.server import Server, assert_one_sentence, free_port, run_main
from tests.fakes.waiting import PATIENCE_S, until

pytestmark = pytest.mark.server

StartServer = Callable[..., Server]
DOCUMENT = (ROOT / "docs" / "outputs.md").read_text("utf-8")
# A stream of its own for each test, found on this machine alone, with none of liblsl's words
LSL_CONFIG = """[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
SessionID = %s
[log]
level = -2
"""
RECEIVE = """
import sys, time, pylsl
inlets = [pylsl.StreamInlet(pylsl.resolve_byprop("name", name, timeout=60)[0]) for name in sys.argv[1:]]
while True:
    for name, inlet in zip(sys.argv[1:], inlets):
        sample, stamp_s = inlet.pull_sample(0.1)
        if sample:
            age_s = pylsl.local_clock() - stamp_s
            print(name, age_s, pylsl.local_clock() - time.monotonic(), *sample, flush=True)
"""


def example(section: str) -> str:
    """Return the Python example in a section of the document."""
    code: str
    [code] = re.findall(r"```python\n(.+?)```", DOCUMENT.split(f"## {section}")[1].split("\n## ")[0], re.DOTALL)
    return code


class Receiver:
    """Python code in a process of its own, with the lines that it has printed."""

    def __init__(self, code: str, *args: str) -> None:
        command = [sys.executable, "-u", "-c", code, *args]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)
        self._text = b""

    def lines(self) -> list[str]:
        assert self.process.stdout
        self._text += self.process.stdout.read() or b""
        return self._text.decode().rpartition("\n")[0].splitlines()  # whole ones

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture(autouse=True)
def lsl_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "lsl_api.cfg"
    config.write_text(LSL_CONFIG % f"test{os.getpid()}{time.monotonic_ns()}")
    monkeypatch.setenv("LSLAPICFG", str(config))


def output(server: Server) -> dict[str, Any]:
    [status] = json.loads(server.get("/state"))["outputs"]
    return dict(status)


def test_the_documents_osc_example_prints_what_the_program_sends(start_server: StartServer) -> None:
    port = free_port()
    code = example("OSC").replace("9000", str(port))
    with closing(Receiver(code)) as receiver:
        start_server("--source", "demo", "--osc", f"127.0.0.1:{port}")
        until(lambda: len(receiver.lines()) > 20)
        assert all(re.fullmatch(r"happy [01]\.\d\d", line) for line in receiver.lines()[:20])


def test_the_documents_lsl_example_prints_what_the_program_sends(start_server: StartServer) -> None:
    start_server("--source", "demo", "--lsl", "faces")
    with closing(Receiver(example("LSL"))) as receiver:
        until(lambda: receiver.lines())
        assert re.fullmatch(r"\d+\.\d{3} (0\.\d+|nan)(e-\d+)?", receiver.lines()[0])


def test_an_lsl_receiver_gets_frames_with_the_time_of_their_capture_and_may_die_and_come_back(
    start_server: StartServer,
) -> None:
    server = start_server("--source", "demo", "--lsl", "hall", "--name", "hall")
    until(lambda: output(server)["dropped"] > 0)
    assert not output(server)["connected"]
    with closing(Receiver(RECEIVE, "hall")) as first:
        until(lambda: len(first.lines()) > 60)
        before = output(server)
        assert (before["connected"], before["problem"]) == (True, "")
        rows = [list(map(float, line.split()[1:])) for line in first.lines()[20:]]
    assert all(len(row) == 2 + 60 for row in rows)
    assert sorted(age_s for age_s, *_ in rows)[len(rows) // 2] < 1  # a queue would be older
    assert min(age_s for age_s, *_ in rows) > 0
    assert min(abs(offset_s) for _, offset_s, *_ in rows) < 0.01  # on Linux both clocks are one
    assert any(row[2] >= 1 for row in rows)  # a face's number
    until(lambda: not output(server)["connected"])
    lost = output(server)["dropped"]
    until(lambda: output(server)["dropped"] > lost)
    with closing(Receiver(RECEIVE, "hall")) as second:
        until(lambda: len(second.lines()) > 10)
        assert output(server)["sent"] > before["sent"]
        frozen = output(server)
        until(lambda: output(server)["sent"] > frozen["sent"] + 10)
        assert output(server)["dropped"] == frozen["dropped"]


def test_an_lsl_receiver_goes_on_with_a_program_that_was_started_again(start_server: StartServer) -> None:
    flags = ("--source", "demo", "--lsl", "hall")
    server = start_server(*flags)
    with closing(Receiver(RECEIVE, "hall")) as receiver:
        until(lambda: len(receiver.lines()) > 5)
        server.end()
        until(lambda: _stands_still(receiver))
        count = len(receiver.lines())
        start_server(*flags)
        until(lambda: len(receiver.lines()) > count + 5)


def _stands_still(receiver: Receiver) -> bool:
    count = len(receiver.lines())
    time.sleep(0.5)
    return len(receiver.lines()) == count


def test_a_broker_gets_the_faces_dies_and_comes_back_and_the_end_of_the_program_is_told(
    start_server: StartServer, broker: Mosquitto
) -> None:
    url = f"mqtt://ann:secret@127.0.0.1:{broker.port}/home"
    server = start_server("--source", "demo", "--mqtt", url, "--name", "hall")
    with closing(Subscriber(broker.port, "#")) as first:
        until(lambda: len(first.payloads("home/hall/state")) > 2)
    state = json.loads(first.payloads("home/hall/state")[-1])
    assert abs(time.time() - state["time"]) < 60
    assert state["count"] == len(state["faces"])
    broker.kill()
    until(lambda: output(server)["problem"])
    status = output(server)
    assert (status["connected"], status["address"]) == (False, f"mqtt://127.0.0.1:{broker.port}")
    until(lambda: output(server)["dropped"] >= 2)
    broker.start()
    with closing(Subscriber(broker.port, "#")) as second:
        until(lambda: second.payloads("home/hall/state"))
        until(lambda: output(server)["sent"] > status["sent"])
        server.end()
        until(lambda: second.payloads("home/hall/availability")[-1:] == ["offline"])
    server.stop()
    assert "secret" not in server.output


def test_the_broker_says_offline_when_the_program_is_killed(
    start_server: StartServer, broker: Mosquitto
) -> None:
    # a camera process has no worker that outlives it
    server = start_server("--source", "demo", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    with closing(Subscriber(broker.port, "faces/camera/availability")) as subscriber:
        until(lambda: subscriber.payloads("faces/camera/availability") == ["online"])
        [worker] = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        os.kill(int(worker), 9)
        until(lambda: "offline" in subscriber.payloads("faces/camera/availability"))
        until(lambda: subscriber.payloads("faces/camera/availability")[-1] == "online")  # the next worker


def test_an_impossible_receiver_is_one_sentence() -> None:
    assert_one_sentence(run_main("--source", "demo", "--osc", "9000"), "--osc must be HOST:PORT")
