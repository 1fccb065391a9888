"""Check the connection to a host: DNS, TCP, proxy, TLS, and the clock."""

from __future__ import annotations

import socket
from collections.abc import Generator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from wideload._cli.doctor.certificates import distrusted, trusted
from wideload._cli.doctor.finding import Finding, failed
from wideload._cli.exit_status import UNAVAILABLE, USAGE
from wideload._connections import Pool
from wideload._http import Answer, Http, NoAnswer
from wideload._proxies import Proxy
from wideload._retry import Pacing
from wideload._signin.tokens import iso
from wideload.errors import ConfigurationError

STEPS = ("dns", "tcp", "proxy", "tls")
# AWS accepts signatures of a clock that is off by at most this:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_MOST_SKEW = 5 * 60


@dataclass(frozen=True)
class Network:
    """The connections of the client, which all steps use."""

    pool: Pool
    http: Http
    pacing: Pacing

    def reach(self, url: str) -> Generator[Finding, None, Answer | None]:
        """Request `url` without a key, and yield the finding of each step.

        Returns:
            The answer; None if none came.
        """
        try:
            proxy = self.pool.proxies.proxy_for(url)
        except ConfigurationError as error:
            yield failed("proxy", str(error), "Correct that variable, or give --proxy.", USAGE)
            return None
        failure = None
        began = self.pacing.now()
        try:
            answer = self.http.request("GET", url, headers={"Accept": "application/json"})
        except NoAnswer as error:
            failure = error
        ended = self.pacing.now()
        for step in STEPS:
            if failure is not None and failure.stage == step:
                yield self.explain(url, failure)
                return None
            yield self._passed(step, url, proxy)
        if failure is not None:
            yield self.explain(url, failure, "api")
            return None
        yield _clock(answer, (began + ended) / 2)
        return answer

    def explain(self, url: str, failure: NoAnswer, step: str | None = None) -> Finding:
        """Explain why a request got no answer.

        Args:
            step: The step of the finding. Default: the one at which the request failed.
        """
        proxy = self.pool.proxies.proxy_for(url)
        step = step or failure.stage
        to = urlsplit(proxy.url if proxy else url)
        host = urlsplit(url).hostname or ""
        if failure.stage == "tls":
            return distrusted(self.pool, url, failure, step, self.pacing.now())
        if failure.stage == "dns":
            message = f"the name {to.hostname} can't be resolved"
            advice = (
                f"Is the proxy's name in {_source(proxy)} right?"
                if proxy
                else "Is the URL right? If this machine resolves no names of the internet, it "
                "needs a proxy: set HTTPS_PROXY, or give --proxy."
            )
        elif failure.stage == "tcp":
            reason = _last_part(failure.reason)
            message = f"no connection to {_with_addresses(to)}, port {_port(to)}: {reason}"
            advice = (
                f"Is the proxy in {_source(proxy)} right, and running?"
                if proxy
                else "A firewall may be in the way: it has to let this host and port through. If "
                "this network needs a proxy, set HTTPS_PROXY, or give --proxy."
            )
        elif failure.stage == "proxy":
            message = f"{proxy.url if proxy else 'proxy'}: {failure.reason}"
            advice = (
                f"Put the right user name and password into {_source(proxy)}."
                if proxy and " 407 " in message
                else f"Ask the operators of the proxy to let {host} through."
            )
        else:
            message = f"{host} took the request and gave no answer: {failure.reason}"
            advice = "Try again. If it fails again, a firewall or proxy may end the connection."
        return failed(step, message, advice, UNAVAILABLE)

    def _passed(self, step: str, url: str, proxy: Proxy | None) -> Finding:
        to = urlsplit(proxy.url if proxy else url)
        via = ", the proxy" if proxy else ""
        if step == "dns":
            return Finding(step, _with_addresses(to) + via)
        if step == "tcp":
            return Finding(step, f"connected to {to.hostname}, port {_port(to)}{via}")
        if step == "proxy":
            if proxy is not None:
                return Finding(step, f"{proxy.url}, from {_source(proxy)}")
            excepted = self.pool.proxies.excepts(url)
            return Finding(step, "none: NO_PROXY names the host" if excepted else "none")
        if url.startswith("http:"):
            return Finding(step, "none: plain http, which is for this machine alone", "skipped")
        return trusted(self.pool, url)


def _clock(answer: Answer, asked: float) -> Finding:
    """Compare this machine's clock with the `Date` of the answer, which has whole seconds."""
    try:
        server_time = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return Finding("clock", "the answer has no Date to compare with", "skipped")
    off = round(asked - server_time)
    says = f"{abs(off)} s {'ahead of' if off > 0 else 'behind'} the server's"
    if abs(off) <= _MOST_SKEW:
        return Finding("clock", "agrees with the server's" if abs(off) <= 1 else says)
    return failed(
        "clock",
        f"{says}: here it is {iso(asked)}, there {iso(server_time)}",
        "Set this machine's clock (date, time zone, NTP): certificates, sign-ins and signatures "
        "depend on it.",
    )


def _with_addresses(to: SplitResult) -> str:
    host = to.hostname or ""
    try:
        found = socket.getaddrinfo(host, _port(to), type=socket.SOCK_STREAM)
    except OSError:
        return host
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return host if addresses == [host] else f"{host} ({', '.join(addresses)})"


def _port(to: SplitResult) -> int:
    return to.port or (443 if to.scheme == "https" else 80)


def _source(proxy: Proxy) -> str:
    return "--proxy" if proxy.source == "proxy" else proxy.source


def _last_part(reason: str) -> str:
    """The last part of a reason such as `the proxy can't be reached: refused`."""
    return reason.rpartition(": ")[2]
