"""The local authority and the certificate it signs."""

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest

from local import certificates as module
from local.certificates import Certificates, ensure_certificates


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "x.execute-api.localhost"])
def test_a_client_that_trusts_the_authority_accepts_the_server(tmp_path: Path, name: str) -> None:
    made = ensure_certificates(tmp_path)

    assert _handshake(made, name) == "TLSv1.3"


def test_a_name_that_it_does_not_carry_is_refused(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _handshake(made, "s3.amazonaws.com")


def test_they_are_kept_while_they_are_good(tmp_path: Path) -> None:
    first = _contents(ensure_certificates(tmp_path))

    assert _contents(ensure_certificates(tmp_path)) == first


def test_they_are_made_anew_before_they_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VALIDITY", datetime.timedelta(days=29))
    first = _contents(ensure_certificates(tmp_path))
    monkeypatch.undo()

    second = _contents(ensure_certificates(tmp_path))

    assert second != first
    assert _contents(ensure_certificates(tmp_path)) == second


@pytest.mark.parametrize("name", ["ca.pem", "server.pem", "server.key"])
def test_a_missing_file_makes_all_anew(tmp_path: Path, name: str) -> None:
    made = ensure_certificates(tmp_path)
    (tmp_path / name).unlink()

    assert ensure_certificates(tmp_path) == made
    assert _handshake(made, "localhost") == "TLSv1.3"


def test_a_server_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path / "one")
    other = ensure_certificates(tmp_path / "other")
    made.ca_bundle.write_bytes(other.ca_bundle.read_bytes())

    ensure_certificates(tmp_path / "one")

    assert _handshake(made, "localhost") == "TLSv1.3"


def test_a_broken_file_is_replaced(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)
    made.certificate.write_text("not a certificate")

    ensure_certificates(tmp_path)

    assert _handshake(made, "localhost") == "TLSv1.3"


def test_only_the_owner_reads_the_key_and_the_authority_keeps_none(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)

    assert made.key.stat().st_mode & 0o077 == 0
    holders = [path.name for path in tmp_path.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert holders == ["server.key"]


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert ensure_certificates(Path("here")).ca_bundle == tmp_path.resolve() / "here" / "ca.pem"


def _contents(made: Certificates) -> list[bytes]:
    return [path.read_bytes() for path in (made.ca_bundle, made.certificate, made.key)]


def _handshake(made: Certificates, name: str) -> str | None:
    """Serve one TLS connection with the certificate and connect to it as `name`."""
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(made.certificate, made.key)
    client_tls = ssl.create_default_context(cafile=str(made.ca_bundle))
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            with server_tls.wrap_socket(far, server_side=True) as connection:
                connection.recv(1)
        except OSError:
            far.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with client_tls.wrap_socket(near, server_hostname=name) as connection:
            return connection.version()
    finally:
        near.close()
        server.join()
