"""A WebSocket client."""

import socket
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import Event, Request

from tests.fakes.waiting import PATIENCE_S


class Visitor:
    """The other side of a WebSocket, after its handshake."""

    def __init__(self, connection: socket.socket, **headers: str) -> None:
        self.connection = connection
        self.connection.settimeout(PATIENCE_S)
        self.protocol = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.request = self.protocol.send(Request("localhost", "/camera/socket", extra_headers=extra))
        self.waiting: list[Event] = []

    def send(self, *events: Event) -> None:
        self.connection.sendall(b"".join(self.protocol.send(event) for event in events))

    def next(self) -> Event:
        while not self.waiting:
            data = self.connection.recv(65536)
            self.protocol.receive_data(data or None)
            self.waiting += self.protocol.events()
        return self.waiting.pop(0)

    def environ(self) -> dict[str, Any]:
        """Return the request as a web server hands it over."""
        first, *lines = self.request.decode().strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return {"PATH_INFO": first.split()[1]} | {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()
        }
