"""Explain a server's certificate: trusted or not, and its issuer."""

from __future__ import annotations

import ssl
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import create_urllib3_context

from wideload._cli.doctor.finding import Finding, failed, warning
from wideload._cli.exit_status import UNAVAILABLE, USAGE
from wideload._connections import Pool
from wideload._http import NoAnswer
from wideload._signin.tokens import iso

# https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the ssl module has no name for it
_INTERCEPTED = "AWS's own certificates are issued by Amazon, so a proxy on the way intercepts TLS"


def trusted(pool: Pool, url: str) -> Finding:
    """The finding for a server whose certificate is trusted."""
    try:
        with closing(pool.connect(url)) as connection:
            socket: Any = connection.sock
            certificate, version = socket.getpeercert(), socket.version()
    except (HTTPError, OSError):  # the request before has succeeded
        return Finding("tls", "the certificate is trusted")
    message = f"{version}, certificate for {_names(certificate)}, issued by {_issuer(certificate)}"
    if _is_intercepted(url, certificate):
        return warning(
            "tls",
            f"{message}: {_INTERCEPTED}",
            "This machine trusts it. If uploads fail or are slow, ask your network's "
            f"administrators to except {urlsplit(url).hostname}.",
        )
    return Finding("tls", message)


def distrusted(pool: Pool, url: str, failure: NoAnswer, step: str, now: float) -> Finding:
    """The finding for a TLS connection that failed.

    Args:
        step: The step of the finding.
        now: This machine's time.
    """
    host = urlsplit(url).hostname or ""
    why = _verdict(pool, url)
    if why is None:
        advice = "Is the URL right, with its port?"
        if failure.retryable:
            advice = (
                f"A firewall or proxy that doesn't let {host} through may end it: ask for access."
            )
        status = UNAVAILABLE if failure.retryable else USAGE
        return failed(step, f"{host}: {failure.reason}", advice, status)
    certificate = _presented(pool, url)
    by = f", issued by {_issuer(certificate)}" if certificate else ""
    if why.verify_code in {_EXPIRED, _NOT_YET_VALID}:
        valid = (
            f", valid from {_time(certificate, 'notBefore')} to {_time(certificate, 'notAfter')}"
            if certificate
            else ""
        )
        return failed(
            step,
            f"{why.verify_message}: that of {host}{by}{valid}; this machine's clock says "
            f"{iso(now)}",
            "If the clock is wrong, set it. Otherwise the server's operators have to renew the "
            "certificate.",
            USAGE,
        )
    if why.verify_code in {_HOST_MISMATCH, _ADDRESS_MISMATCH}:
        names = f" for {_names(certificate)}" if certificate else ""
        return failed(
            step,
            f"the server that answers for {host} has a certificate{names}{by}",
            "Is the URL right? Otherwise another server answers for that host, such as the sign-in "
            "page of a network.",
            USAGE,
        )
    intercepted = f" ({_INTERCEPTED})" if certificate and _is_intercepted(url, certificate) else ""
    return failed(
        step,
        f"the certificate of {host}{by}, isn't trusted: {why.verify_message}{intercepted}",
        "If that authority is your own or your company's, give its certificate (PEM) as "
        "--ca-bundle or WIDELOAD_CA_BUNDLE; your network's administrators have it. Otherwise "
        "stop: the connection may be intercepted.",
        USAGE,
    )


def _verdict(pool: Pool, url: str) -> ssl.SSLCertVerificationError | None:
    """The verification error; None if the certificate isn't the reason."""
    try:
        pool.connect(url).close()
    except ssl.SSLCertVerificationError as error:
        return error
    except (HTTPError, OSError):
        pass
    return None


def _presented(pool: Pool, url: str) -> dict[str, Any] | None:
    """The content of an untrusted certificate; None if it can't be read.

    Python parses only certificates that it trusts. So this one is trusted on one connection, over
    which nothing is sent.
    """
    any_certificate = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
    any_certificate.check_hostname = False
    this_certificate = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    this_certificate.check_hostname = False
    this_certificate.verify_flags = ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    try:
        with closing(pool.connect(url, any_certificate)) as connection:
            socket: Any = connection.sock
            this_certificate.load_verify_locations(cadata=socket.getpeercert(binary_form=True))
        with closing(pool.connect(url, this_certificate)) as connection:
            socket = connection.sock
            found: dict[str, Any] = socket.getpeercert()
            return found
    except (HTTPError, OSError):
        return None


def _is_intercepted(url: str, certificate: dict[str, Any]) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith(".amazonaws.com") and _part(certificate, "organizationName") != "Amazon"


def _issuer(certificate: dict[str, Any]) -> str:
    name, organization = (_part(certificate, part) for part in ("commonName", "organizationName"))
    both = [part for part in (name, organization) if part]
    return f'"{both[0]}"' + (f" of {both[1]}" if both[1:] else "") if both else "an unnamed issuer"


def _part(certificate: dict[str, Any], wanted: str) -> str:
    parts = dict(pair for names in certificate["issuer"] for pair in names)
    return str(parts.get(wanted, ""))


def _names(certificate: dict[str, Any]) -> str:
    return ", ".join(value for _, value in certificate.get("subjectAltName", ())) or "no host"


def _time(certificate: dict[str, Any], which: str) -> str:
    return iso(ssl.cert_time_to_seconds(certificate[which]))
