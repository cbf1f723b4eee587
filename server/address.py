"""The address to serve on."""

import os
import socket

from settings import StartError
from texts import shorten


def check_address(host: str, port: int) -> None:
    """Raise StartError if nothing can be served on that address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (socket.gaierror, TypeError):  # TypeError: no name can be encoded so
            raise StartError(f"{shorten(host)} is not an address of this machine") from None
        except OSError as error:
            where = f"{shorten(host)} port {port}"
            raise StartError(f"cannot serve on {where}: {error.strerror}; choose another --port") from None
