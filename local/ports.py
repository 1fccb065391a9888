"""The port of the embedded cloud."""

import os
import socket

from .errors import CloudError

DEFAULT_PORT = 4566
PORT_VARIABLE = "WIDELOAD_LOCAL_PORT"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def port_from_environment() -> int | None:
    """The port that `WIDELOAD_LOCAL_PORT` names, if it is set.

    Raises:
        CloudError: it isn't a port number.
    """
    value = os.environ.get(PORT_VARIABLE, "")
    if not value:
        return None
    if not value.isdecimal():
        raise CloudError(f"{PORT_VARIABLE}={value} is no port: give a number from 1 to 65535")
    return int(value)


def check_free(port: int) -> None:
    """Raise a `CloudError` that says what to do if `port` can't be listened on."""
    with socket.socket() as probe:
        # macOS lets us bind beside a process that listens on all addresses, so ask first.
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise _port_taken(port, "something listens there")
    with socket.socket() as probe:
        # As the server does it: a port whose last connections linger counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise _port_taken(port, str(error.strerror)) from error


def _port_taken(port: int, reason: str) -> CloudError:
    return CloudError(
        f"port {port} can't be used ({reason}): "
        f"choose another, such as {PORT_VARIABLE}={free_port()}"
    )
