"""An address that cannot be served on is refused in one sentence."""

import socket

import pytest

from server.address import check_address
from settings import StartError


@pytest.mark.parametrize("host", ["no such name", "a..b", "é" * 70])
def test_a_host_that_is_none_is_one_sentence(host: str) -> None:
    with pytest.raises(StartError, match=f"{host} is not an address of this machine"):
        check_address(host, 5000)


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"cannot serve on 127.0.0.1 port {port}: Address already in use"):
            check_address("127.0.0.1", port)
