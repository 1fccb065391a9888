"""The proxy of each request: the caller's, or else the environment's."""

from __future__ import annotations

import base64
import ipaddress
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from wideload.errors import ConfigurationError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """A proxy.

    Attributes:
        url: Its URL, without credentials.
        headers: Headers with the credentials.
        source: The argument or environment variable that named it.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    source: str = field(compare=False)

    @classmethod
    def of(cls, text: str, source: str) -> Proxy:
        """Read a proxy's URL; without a scheme it is `http://`.

        Args:
            text: Such as `http://user:password@proxy:3128`.
            source: The argument or environment variable, for the error, which shows no credentials.

        Raises:
            ConfigurationError: It isn't the URL of a proxy, or its scheme isn't supported.
        """
        url = text.strip() if "://" in text else f"http://{text.strip()}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ConfigurationError(
                f"{source} is no URL of a proxy, such as http://proxy.example:3128"
            ) from None
        if parts.scheme not in {"http", "https"}:
            raise ConfigurationError(
                f"{source} names a {parts.scheme}:// proxy; supported are http:// and https:// "
                "(give another as proxy or --proxy, name the API's host in NO_PROXY to go without, "
                "or give a transport, such as urllib3.contrib.socks.SOCKSProxyManager)"
            )
        host = parts.hostname
        if not host or not url.isascii() or not url.isprintable():
            raise ConfigurationError(
                f"{source} is no URL of a proxy, such as http://proxy.example:3128"
            )
        headers: tuple[tuple[str, str], ...] = ()
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            basic = base64.b64encode(credentials.encode()).decode()
            headers = (("Proxy-Authorization", f"Basic {basic}"),)
        shown = f"[{host}]" if ":" in host else host
        address = f"{parts.scheme}://{shown}:{port or _DEFAULT_PORTS[parts.scheme]}"
        return cls(address, headers, source)


class Proxies:
    """Chooses the proxy for a URL.

    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read once, the lower-case names
    first. As for curl, `NO_PROXY` also applies to a proxy that the caller gave.

    Args:
        given: The proxy for all requests, instead of the environment's.

    Raises:
        ConfigurationError: `given` isn't the URL of a proxy.
    """

    def __init__(self, given: str | None) -> None:
        self._given = None if given is None else Proxy.of(given, "proxy")
        self._environment = getproxies_environment()
        self._no_proxy = self._environment.get("no", "")

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy for a request; None for none.

        Plain HTTP is allowed to this machine alone, so its proxy must be on this machine too:
        otherwise the API key or token would cross the network in clear text.

        Raises:
            ConfigurationError: The environment's proxy isn't the URL of a proxy.
        """
        parts = urlsplit(url)
        if self.excepts(url):
            return None
        try:
            proxy = self._given or self._from_environment(parts.scheme)
        except ConfigurationError:
            if parts.scheme == "http":
                return None
            raise
        if proxy and parts.scheme == "http" and urlsplit(proxy.url).hostname not in LOOPBACK:
            return None
        return proxy

    def _from_environment(self, scheme: str) -> Proxy | None:
        for name in (scheme, "all"):
            if text := self._environment.get(name):
                return Proxy.of(text, f"{name.upper()}_PROXY")
        return None

    def excepts(self, url: str) -> bool:
        """Whether `NO_PROXY` names it: a host, a domain, either with a port, a network, or all."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        for entry in self._no_proxy.lower().split(","):
            name, _, number = entry.strip().rpartition(":")
            if not name or not number.isdecimal() or name.endswith(":"):
                name, number = entry.strip(), ""
            if number and int(number) != port:
                continue
            name = name.strip("[]").lstrip(".")
            if name in {"*", host} or (name and host.endswith(f".{name}")):
                return True
            with suppress(ValueError):
                if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                    return True
        return False
