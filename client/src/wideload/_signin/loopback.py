"""The callback of a sign-in page: a listener on this machine.

A loopback redirect, as RFC 8252 describes it, on one of a few ports: Cognito compares the whole
redirect URI, port included.
"""

from __future__ import annotations

import errno
import html
import os
import queue
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import urlsplit

from wideload._signin.oauth import OtherSignIn
from wideload.errors import SignInError, WideloadError

PORTS = (8976, 8977, 8978)
_PATH = "/callback"
_POLL = 0.1
# Seconds that a browser may take to send a request on a connection that it opened ahead of need.
_IDLE = 10.0
# Seconds that the page waits for the tokens, retries included.
_SETTLING = 120.0

_Settled = TypeVar("_Settled")


@dataclass(frozen=True)
class _Page:
    status: int
    title: str
    text: str


_DONE = _Page(200, "You are signed in", "You can close this page and go back to the terminal.")
_OTHER_SIGN_IN = _Page(
    400,
    "Not the sign-in that is waited for",
    "This page belongs to another sign-in. Use the address that the terminal shows.",
)


class Callback:
    """A listener on this machine, and the paste of an address on the terminal.

    Attributes:
        redirect_uri: The URI that the browser must be redirected to.
    """

    def __init__(self, port: int, arrivals: _Arrivals) -> None:
        self.redirect_uri = f"http://localhost:{port}{_PATH}"
        self._arrivals = arrivals

    def wait(
        self, settle: Callable[[str], _Settled], *, timeout: float, paste: bool = False
    ) -> _Settled:
        """Call `settle` with the query of each callback, until one belongs to this sign-in.

        Args:
            settle: Returns the result of the sign-in, or raises `OtherSignIn`.
            timeout: Seconds to wait for the callback.
            paste: Whether to read it from standard input as well: the last address of a browser on
                another machine.

        Raises:
            SignInError: There was no callback in time, or `settle` raised it.
        """
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            if paste and (line := _line_typed()) is not None:
                if not line:
                    paste = False  # the end of the input
                with suppress(OtherSignIn):
                    return settle(urlsplit(line.strip()).query)
                if line.strip():
                    sys.stderr.write("That isn't the address of this sign-in's last page.\n")
            try:
                arrival = self._arrivals.get(timeout=min(_POLL, left))
            except queue.Empty:
                continue
            try:
                settled = settle(arrival.query)
            except OtherSignIn:
                arrival.show(_OTHER_SIGN_IN)
            except BaseException as error:
                text = str(error) if isinstance(error, WideloadError) else "It was interrupted."
                arrival.show(_Page(400, "You are not signed in", text))
                raise
            else:
                arrival.show(_DONE)
                return settled
        raise SignInError(f"no sign-in was completed within {timeout:g} s")


@contextmanager
def listening(ports: tuple[int, ...] = PORTS) -> Iterator[Callback]:
    """Listen on the first of the ports that is free, on the loopback interface alone.

    Raises:
        SignInError: None is free.
    """
    arrivals: _Arrivals = queue.SimpleQueue()
    for port in ports:
        with suppress(OSError):
            servers = _open(port, arrivals)
            break
    else:
        shown = ", ".join(map(str, ports))
        raise SignInError(
            f"the ports {shown} of this machine, of which the browser needs one to come back to, "
            "are all in use: close what uses them, or give --username"
        )
    threads = [threading.Thread(target=server.serve_forever, args=(_POLL,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield Callback(port, arrivals)
    finally:
        for server in servers:
            server.shutdown()
        for thread in threads:
            thread.join()
        for server in servers:
            server.server_close()


class _Arrival:
    """A callback, whose browser waits for a page."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.shown = threading.Event()
        self._page: queue.SimpleQueue[_Page] = queue.SimpleQueue()

    def show(self, page: _Page) -> None:
        """Show a page, and wait until it is sent: the process may end right afterwards."""
        self._page.put(page)
        self.shown.wait(_IDLE)

    def page(self) -> _Page:
        """Wait for the page to show."""
        try:
            return self._page.get(timeout=_SETTLING)
        except queue.Empty:
            return _Page(504, "Still waiting", "Look at the terminal.")


_Arrivals = queue.SimpleQueue[_Arrival]


class _Server(ThreadingHTTPServer):
    # Elsewhere it lets the same port be taken at once again; there, by two programs at a time.
    allow_reuse_address = os.name != "nt"
    arrivals: _Arrivals

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about browsers that go away."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = _IDLE
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        port = self.server.server_address[1]
        # Another name would be a page that points its own name here.
        if self.headers.get("Host") not in {f"localhost:{port}", f"127.0.0.1:{port}"}:
            return self.send_error(421)
        if parts.path != _PATH:
            return self.send_error(404)
        arrival = _Arrival(parts.query)
        self.server.arrivals.put(arrival)
        try:
            return self._show(arrival.page())
        finally:
            arrival.shown.set()

    def _show(self, page: _Page) -> None:
        body = _HTML.format(title=html.escape(page.title), text=html.escape(page.text)).encode()
        self.send_response(page.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")  # the address holds the code
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def _open(port: int, arrivals: _Arrivals) -> list[_Server]:
    """Servers on 127.0.0.1 and, if this machine has it, ::1, which `localhost` may mean.

    Raises:
        OSError: The port is in use on one of them.
    """
    servers = [_Server(("127.0.0.1", port), _Handler)]
    try:
        servers.append(_Server6(("::1", port), _Handler))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            servers[0].server_close()
            raise
    for server in servers:
        server.arrivals = arrivals
    return servers


def _line_typed() -> str | None:
    """A line of standard input if there is one to read; "" at its end."""
    try:
        ready = select.select([sys.stdin], [], [], 0)[0]
    except (OSError, ValueError):  # Windows can't wait for anything but sockets
        return None
    return sys.stdin.readline() if ready else None


_HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto;
    padding: 0 1rem; color: #1c2430; background: #f6f7f9 }}
  h1 {{ font-size: 1.5rem }}
  @media (prefers-color-scheme: dark) {{ body {{ color: #e6e9ee; background: #14181f }} }}
</style>
<h1>{title}</h1>
<p>{text}</p>
</html>
"""
