"""The certificate that the embedded cloud serves, and the local authority that signed it."""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from .locks import exclusive
from .paths import LOCAL

NAMES = ("localhost", "127.0.0.1", "*.cloudfront.localhost", "*.execute-api.localhost")
"""Browsers and curl resolve `*.localhost` themselves; Python doesn't, and uses `localhost`."""

VALIDITY = datetime.timedelta(days=365)
RENEW_BEFORE = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Certificates:
    """Absolute paths of PEM files in one directory."""

    directory: Path

    @property
    def ca_bundle(self) -> Path:
        """The local authority: what clients trust instead of the public authorities."""
        return self.directory / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.directory / "server.pem"

    @property
    def key(self) -> Path:
        return self.directory / "server.key"


def ensure_certificates(directory: Path = LOCAL / "certificates") -> Certificates:
    """Return the certificates in `directory`, made anew if they are missing or no longer good.

    The authority's own key is thrown away once it has signed, so nothing on the disk
    can make a certificate that a person who trusts this authority would accept.
    """
    certificates = Certificates(directory.resolve())
    with exclusive(certificates.directory / ".lock"):
        if not _are_good(certificates):
            _make(certificates)
    return certificates


def _are_good(certificates: Certificates) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(certificates.ca_bundle.read_bytes())
        server = x509.load_pem_x509_certificate(certificates.certificate.read_bytes())
        server.verify_directly_issued_by(authority)
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    named = {str(general_name.value) for general_name in names}
    expiry = min(authority.not_valid_after_utc, server.not_valid_after_utc)
    return (
        certificates.key.is_file()
        and named.issuperset(NAMES)
        and expiry - datetime.datetime.now(datetime.UTC) > RENEW_BEFORE
    )


def _make(certificates: Certificates) -> None:
    authority = trustme.CA(organization_name="Wideload embedded cloud")
    server = authority.issue_cert(
        *NAMES,
        organization_name="Wideload embedded cloud",
        not_after=datetime.datetime.now(datetime.UTC) + VALIDITY,
    )
    chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
    _write(certificates.key, server.private_key_pem.bytes(), mode=0o600)
    _write(certificates.certificate, chain)
    _write(certificates.ca_bundle, authority.cert_pem.bytes())


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
