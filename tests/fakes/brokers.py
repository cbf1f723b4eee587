"""A real MQTT broker on a port of this machine, and a subscriber that keeps what is published."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.fakes.server import free_port
from tests.fakes.waiting import until


class Mosquitto:
    """Debian's mosquitto, started, stopped and killed as the test says; more are lines of its configuration."""

    def __init__(self, folder: Path, more: str = "allow_anonymous true") -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            pytest.skip("there is no mosquitto on this machine")
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\n{more}\npersistence false\nuser root\n")
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it stand still, as behind a network that is gone."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Subscriber:
    """Keeps every message below a topic, in order."""

    def __init__(self, port: int, topic: str, user: str | None = None, password: str | None = None) -> None:
        self.got: list[tuple[str, str, bool]] = []
        self._ready = False
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._keep
        self._client.on_subscribe = self._subscribed
        self._client.username_pw_set(user, password)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(topic, 1)
        self._client.loop_start()
        until(lambda: self._ready)

    def payloads(self, topic: str) -> list[str]:
        return [payload for at, payload, _ in self.got if at == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribed(self, *_: object) -> None:
        self._ready = True

    def _keep(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.got.append((message.topic, message.payload.decode(), message.retain))
