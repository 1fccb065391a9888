"""Check the CORS rules of an API and its bucket for the pages of one origin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from wideload._cli.doctor.finding import Finding, failed
from wideload._cli.doctor.network import Network
from wideload._cli.doctor.services import Service
from wideload._cli.doctor.trial_upload import TrialPut
from wideload._http import Answer, NoAnswer

# Headers of answers that the page reads.
_API_HEADERS = ("retry-after",)
_BUCKET_HEADERS = ("etag", "x-amz-checksum-sha256")
_HOW_TO_ALLOW = (
    "Deploy file transfer with this origin among web_urls. A bucket of your own needs a CORS rule "
    "with the origin, PUT and GET, all headers, and ETag and x-amz-checksum-sha256 exposed. "
    "Browsers cache earlier answers for up to an hour."
)
_NO_PAGES = (
    "Payload ingest lets no page in: its key would be readable by everyone who opens the page. Let "
    "the page call a server of yours."
)


@dataclass(frozen=True)
class CorsCheck:
    """A check of what pages of an origin may do.

    Attributes:
        origin: Such as `https://app.example.com`.
    """

    network: Network
    origin: str

    def run(self, url: str, service: Service, put: TrialPut | None) -> Finding:
        """Send the requests that a browser would send, with their preflights.

        Args:
            url: The API's base URL.
            put: The trial upload, sent with the page's origin; None if there is none.
        """
        try:
            refused = self._preflight(
                "the API", f"{url}{service.route}", service.methods, service.headers
            )
            if not refused:
                asked = self._ask("GET", f"{url}/sign-in", {})
                refused = self._unreadable("the API", asked, _API_HEADERS)
            if refused and service.name == "payload ingest":
                return Finding("origin", "\n".join(refused), "warning", _NO_PAGES)
            refused += self._bucket(put) if put else []
        except NoAnswer as error:
            return failed("origin", f"no answer: {error.reason}", "Try again.")
        if refused:
            return failed("origin", "\n".join(refused), _HOW_TO_ALLOW)
        bucket = ", PUT to the bucket, and read ETag and x-amz-checksum-sha256" if put else ""
        return Finding(
            "origin",
            f"a page of {self.origin} may call the API ({_listed(service.methods)}){bucket}",
        )

    def _bucket(self, put: TrialPut) -> list[str]:
        sent = [name.lower() for name in put.headers if name.lower() != "content-length"]
        refused = self._preflight("the bucket", put.url, (put.method,), sent)
        if not refused and put.answer is not None:
            refused = self._unreadable("the bucket", put.answer, _BUCKET_HEADERS)
        return refused

    def _preflight(
        self, who: str, url: str, methods: Iterable[str], headers: Iterable[str]
    ) -> list[str]:
        """Send a preflight request for each method."""
        refused = []
        for method in methods:
            answer = self._ask(
                "OPTIONS",
                url,
                {
                    "Access-Control-Request-Method": method,
                    "Access-Control-Request-Headers": ",".join(sorted(headers)),
                },
            )
            if not answer.ok or not self._is_allowed(answer):
                return [f"{who} lets no page of {self.origin} in ({self._allowed(answer)})"]
            if method not in _values(answer, "Access-Control-Allow-Methods", upper=True):
                refused.append(f"{who} doesn't let pages {method}")
            allowed = _values(answer, "Access-Control-Allow-Headers")
            # "*" doesn't include this one: https://fetch.spec.whatwg.org/#cors-preflight-fetch
            missing = [
                name
                for name in headers
                if name not in allowed and ("*" not in allowed or name == "authorization")
            ]
            if missing:
                refused.append(f"{who} doesn't let pages send {_listed(missing)}")
        return list(dict.fromkeys(refused))

    def _unreadable(self, who: str, answer: Answer, wanted: Iterable[str]) -> list[str]:
        """The headers of an answer that a page can't read."""
        if not self._is_allowed(answer):
            return [f"{who} lets pages of {self.origin} send, but not read what it answers"]
        shown = _values(answer, "Access-Control-Expose-Headers")
        hidden = [name for name in wanted if name not in shown and "*" not in shown]
        return [f"{who} doesn't let pages read {_listed(hidden)}"] if hidden else []

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        return self.network.http.request(method, url, headers={"Origin": self.origin, **headers})

    def _is_allowed(self, answer: Answer) -> bool:
        return answer.headers.get("Access-Control-Allow-Origin") in {"*", self.origin}

    def _allowed(self, answer: Answer) -> str:
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        return f"{answer.status}, {f'only {allowed}' if allowed else 'no allowed origin'}"


def checked_origin(text: str) -> str | None:
    """An origin in the form that browsers send; None if the text isn't one."""
    try:
        parts = urlsplit(text.strip().rstrip("/"))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return None
    if parts.path or parts.query or parts.fragment:
        return None
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, usual} else "")


def _values(answer: Answer, header: str, *, upper: bool = False) -> set[str]:
    text = answer.headers.get(header, "")
    return {part.strip().upper() if upper else part.strip().lower() for part in text.split(",")}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
