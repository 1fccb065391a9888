"""The listener for the callback of the browser."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import closing

import pytest

from tests.client.browsing import visit
from tests.client.fake_sign_in import REDIRECTS
from wideload._signin import loopback
from wideload._signin.oauth import OtherSignIn
from wideload.errors import SignInError


def test_the_ports_are_those_that_every_deployment_allows() -> None:
    assert {f"http://localhost:{port}/callback" for port in loopback.PORTS} == REDIRECTS


def test_the_next_port_is_taken_if_one_is_in_use() -> None:
    taken, free = _free_port(), _free_port()

    with closing(_listen(taken)), loopback.listening((taken, free)) as callback:
        assert callback.redirect_uri == f"http://localhost:{free}/callback"


def test_a_port_that_another_program_has_on_ipv6_is_not_taken() -> None:
    taken, free = _free_port(), _free_port()
    try:
        other = _listen(taken, "::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")

    with closing(other), loopback.listening((taken, free)) as callback:
        assert callback.redirect_uri == f"http://localhost:{free}/callback"


def test_no_free_port_is_an_error_that_says_what_to_do() -> None:
    first, second = _free_port(), _free_port()

    with (
        closing(_listen(first)),
        closing(_listen(second)),
        pytest.raises(SignInError, match=f"ports {first}, {second} .*--username"),
        loopback.listening((first, second)),
    ):
        pass


def _listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def port() -> int:
    return _free_port()


def test_only_this_machine_can_reach_it(port: int) -> None:
    with loopback.listening((port,)):
        with (  # what listens on all addresses listens on this one too
            pytest.raises(ConnectionRefusedError),
            socket.create_connection(("127.0.0.2", port), timeout=1),
        ):
            pass
        with socket.create_connection(("127.0.0.1", port), timeout=60):
            pass


def test_the_wait_for_a_callback_ends_after_the_timeout(port: int) -> None:
    with loopback.listening((port,)) as callback:
        started = time.monotonic()

        with pytest.raises(SignInError, match=r"no sign-in was completed within 0\.3 s"):
            callback.wait(lambda query: query, timeout=0.3)

    assert time.monotonic() - started < 60


def test_strangers_and_idle_connections_do_not_end_the_wait(port: int) -> None:
    answers = []

    def knock() -> None:
        host = f"127.0.0.1:{port}"
        # As browsers do ahead of need.
        idle = socket.create_connection(("127.0.0.1", port))
        answers.append(visit(f"http://{host}/favicon.ico")[0])
        answers.append(_visit_as("evil.example.org", port))
        answers.append(visit(f"http://{host}/callback?theirs")[0])
        answers.append(visit(f"http://{host}/callback?ours")[0])
        idle.close()

    def settle(query: str) -> str:
        if query != "ours":
            raise OtherSignIn
        return query

    knocking = threading.Thread(target=knock)
    with loopback.listening((port,)) as callback:
        knocking.start()
        settled = callback.wait(settle, timeout=60)
    knocking.join()

    assert settled == "ours"
    assert answers == [404, 421, 400, 200]


def _visit_as(host: str, port: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/callback?ours", headers={"Host": host})
        return connection.getresponse().status


def test_the_last_page_keeps_the_code_to_itself(port: int) -> None:
    seen = []
    visiting = threading.Thread(
        target=lambda: seen.append(visit(f"http://127.0.0.1:{port}/callback?code=secret"))
    )
    with loopback.listening((port,)) as callback:
        visiting.start()
        callback.wait(lambda query: query, timeout=60)
    visiting.join()

    status, page, headers = seen[0]
    assert status == 200
    assert "secret" not in page
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
