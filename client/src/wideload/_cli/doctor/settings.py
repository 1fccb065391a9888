"""The settings that `wideload doctor` finds, and where it finds them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from wideload._api import checked_base_url
from wideload._auth import ApiKey, TokenSource
from wideload._cli.connections import credentials, given_token
from wideload._cli.doctor.finding import Finding, failed, warning
from wideload._cli.exit_status import USAGE
from wideload._cli.options import FILES_URL
from wideload._connections import Pool
from wideload._signin.json_http import JsonHttp
from wideload._signin.token_sources import PasswordSource, StoredSource, open_store
from wideload._signin.tokens import claims, name_of
from wideload.errors import ConfigurationError


@dataclass(frozen=True)
class Setting:
    """A value, empty if it isn't set, and the option or variable that it comes from."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True)
class Settings:
    """The settings from options and environment.

    Attributes:
        urls: Base URLs of APIs.
        key: An API key.
        key_header: Header that carries it.
        ca_bundle: File with the certificates to trust instead of the system's.
        proxy: URL of a proxy. Default: from the environment.
    """

    urls: tuple[Setting, ...]
    key: Setting
    key_header: Setting
    ca_bundle: Setting
    proxy: str | None

    def check(self) -> Finding:
        """List the settings, and name one that is invalid."""
        found = list(self._found())
        try:
            if not self.urls:
                raise ConfigurationError(f"no API: set {' or '.join(FILES_URL)}, or give --url")
            for url in self.urls:
                checked_base_url(url.value, url.source)
            if self.key.value:
                ApiKey(self.key.value, self.key_header.value)
            self.pool()
        except ConfigurationError as error:
            return failed("settings", "\n".join([*found, str(error)]), "Correct it.", USAGE)
        says = "\n".join(found)
        if self.key.value and not _key_id(self.key.value):
            return warning(
                "settings",
                says,
                f"The key from {self.key.source} isn't of the form wl_<id>_<secret>: is it whole, "
                "without quotes?",
            )
        return Finding("settings", says)

    def pool(self) -> Pool:
        """Connections as the client makes them."""
        return Pool(self.ca_bundle.value or None, self.proxy)

    @property
    def key_shown(self) -> str:
        """The key without its secret."""
        return _key_id(self.key.value) or "the key"

    def token_source(self, url: str, json_http: JsonHttp) -> TokenSource | None:
        """The source of access tokens for the API at `url`; None without a sign-in.

        Raises:
            ConfigurationError: Packages are missing.
            OSError: The stored sign-in can't be read.
        """
        if token := given_token():
            return token
        username, password = credentials()
        if username and password:
            return PasswordSource(url, username, password, json_http)
        store = open_store()
        return StoredSource(url, store, json_http) if store.load(url) else None

    def _found(self) -> Iterator[str]:
        for url in self.urls:
            yield f"{_without_secrets(url.value)} from {url.source}"
        if self.key.value:
            where = f" (from {self.key_header.source})" if self.key_header.source else ""
            header = f"sent as {self.key_header.value}{where}"
            yield f"{self.key_shown} from {self.key.source}, {header}"
        username, password = credentials()
        if token := given_token():
            yield f"token of {name_of(claims(token)) or 'an unnamed person'} from WIDELOAD_TOKEN"
        elif username and password:
            yield f"{username} from WIDELOAD_USERNAME, with WIDELOAD_PASSWORD"
        if self.ca_bundle.value:
            yield f"certificates in {self.ca_bundle.value} from {self.ca_bundle.source}"


def api_urls(option: str | None) -> tuple[Setting, ...]:
    """URLs of the APIs to check: from the option, else from the environment."""
    if option:
        return (Setting(_base(option), "--url"),)
    named = [(_base(os.environ.get(name, "")), name) for name in reversed(FILES_URL)]
    # A URL in both variables is one API.
    return tuple({url: Setting(url, name) for url, name in named if url}.values())


def _base(url: str) -> str:
    return url.strip().rstrip("/")


def _without_secrets(url: str) -> str:
    """A URL without user name, password and query, which an API's URL doesn't have."""
    _, at, rest = url.rpartition("@")
    return re.sub(r"[?#].*", "?…", f"…@{rest}" if at else url)


def _key_id(key: str) -> str | None:
    found = re.fullmatch(r"(wl_[a-z0-9]{12})_[A-Za-z0-9_-]+", key)
    return f"{found[1]}_…" if found else None
