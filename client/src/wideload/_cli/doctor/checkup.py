"""The steps in order, for each API, until one fails that the next ones need."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from wideload._cli.doctor.findings import Finding, failed, warning
from wideload._cli.doctor.network import STEPS, Network
from wideload._cli.doctor.pages import Page
from wideload._cli.doctor.services import Files, Ingest, Service
from wideload._cli.doctor.settings import Settings
from wideload._cli.doctor.storage import upload
from wideload._cli.exits import NOT_SIGNED_IN, REFUSED, UNAVAILABLE, USAGE, sentence, status_of
from wideload._http import Answer, redirected
from wideload._json import parse_object
from wideload._signin.json_http import JsonHttp
from wideload._signin.tokens import claims, iso, name_of
from wideload._version import __version__
from wideload.errors import AuthenticationError, SignInError, WideloadError


@dataclass(frozen=True)
class Checkup:
    """All that is tried against one API.

    Args:
        url: Its base URL.
        origin: Of a page that is to use it, if any.
    """

    network: Network
    settings: Settings
    url: str
    origin: str | None

    def run(self) -> Iterator[Finding]:
        """Yield a finding for each step; those that can't be tried are skipped."""
        steps = [*STEPS, "clock", "api", "caller", "upload", *(["origin"] if self.origin else [])]
        stopped = None
        for finding in self._findings():
            yield finding
            steps = steps[steps.index(finding.step) + 1 :] if finding.step in steps else steps
            if finding.status == "failed":
                stopped = finding.step
        for step in steps:
            yield Finding(step, f"not tried, since {stopped} failed", "skipped")

    def _findings(self) -> Iterator[Finding]:
        answer = yield from self.network.reach(f"{self.url}/sign-in")
        if answer is None:
            return
        if problem := _stranger(answer, self.url):
            yield problem
            return
        # Only the API of files says how to sign in.
        sign_in = _members(answer) if answer.ok else None
        service = yield from self._ingest() if sign_in is None else self._files(sign_in)
        if service is None:
            return
        put = yield from upload(self.network, service, self.origin)
        if self.origin:
            yield Page(self.network, self.origin).judge(self.url, service, put)

    def _ingest(self) -> Generator[Finding, None, Service | None]:
        if not self.settings.key.value:
            yield _answers("an API", "key")
            yield failed(
                "caller",
                "there is no API key",
                "Set WIDELOAD_API_KEY to the key that you were given.",
                USAGE,
            )
            return None
        header = self.settings.key_header.value
        service = Ingest(
            self.network.http, self.url, self.settings.key.value, header, self.network.pacing
        )
        shown = self.settings.key_shown
        try:
            answer = service.ask()
        except AuthenticationError as error:
            yield _answers(Ingest.name, "key")
            if error.status == 401:
                yield failed(
                    "caller",
                    f"the API found no key in the header {header} (401)",
                    "Its deployment expects another header, such as x-pype-token: set "
                    "WIDELOAD_API_KEY_HEADER to the right one. Or something on the way takes the "
                    "header away.",
                )
            else:
                yield failed(
                    "caller",
                    f"the API refuses {shown} ({error.status})",
                    "The key is wrong, not whole, of another deployment, or revoked: ask whoever "
                    "gave it to you for a new one. If you are sure that it is right, a firewall "
                    "(WAF) may refuse this network.",
                )
            return None
        except WideloadError as error:
            yield _unanswered(error)
            return None
        yield _version(service, answer)
        tenant = answer.headers.get("Wideload-Caller")
        yield Finding("caller", f"{shown} of tenant {tenant}" if tenant else f"{shown} is taken")
        return service

    def _files(self, sign_in: dict[str, Any]) -> Generator[Finding, None, Service | None]:
        token = ""
        service = None
        try:
            source = self.settings.token_source(self.url, JsonHttp(self.network.pool))
            if source is not None:
                token = source if isinstance(source, str) else source()
                service = Files(self.network.http, self.url, source, self.network.pacing)
                answer = service.ask()
        except AuthenticationError as error:
            yield _answers(Files.name, "token")
            yield self._refused(error, token, sign_in)
            return None
        except SignInError as error:
            yield _answers(Files.name, "token")
            yield failed("caller", sentence(error), "Run: wideload login", NOT_SIGNED_IN)
            return None
        except (WideloadError, OSError) as error:
            if token:
                yield _unanswered(error)
                return None
            yield _answers(Files.name, "token")
            yield failed("caller", sentence(error), "Then try again.", status_of(error))
            return None
        if service is None:
            yield _answers(Files.name, "token")
            yield failed(
                "caller",
                "nobody is signed in, and files belong to a person",
                "Run: wideload login"
                + (" (the API key is for payload ingest)" if self.settings.key.value else ""),
                NOT_SIGNED_IN,
            )
            return None
        yield _version(service, answer)
        known = claims(token)
        caller = answer.headers.get("Wideload-Caller")
        subject = unquote(caller) if caller else known.get("sub")
        name = name_of(known)
        named = f"{name}, " if name not in {None, subject} else ""
        yield Finding("caller", f"{named}subject {subject}")
        return service

    def _refused(self, error: AuthenticationError, token: str, sign_in: dict[str, Any]) -> Finding:
        """Why the API may have refused a token, as far as the token itself tells."""
        known = claims(token)
        issuer, ends = sign_in.get("issuer"), known.get("exp")
        message = f"the API refuses the access token ({error.status})"
        advice = "Run: wideload login"
        if not known:
            message += ": it is none, since it can't be read as a JWT"
        elif isinstance(ends, (int, float)) and ends <= self.network.pacing.now():
            message += f": it ended at {iso(ends)}"
        elif known.get("token_use", "access") != "access":
            message += ": it is an ID token"
            advice = "Send the access token instead."
        elif known.get("iss") != issuer:
            message += f": it is one of {known.get('iss')}, this API takes those of {issuer}"
        elif error.detail:
            message += f": {error.detail}"
        return failed("caller", message, advice, NOT_SIGNED_IN)


def _stranger(answer: Answer, url: str) -> Finding | None:
    """What is wrong if it isn't our API that answered; None if it may be."""
    if where := redirected(answer):
        return failed(
            "api",
            f"{answer.status}: redirected to {where}",
            f"Set the URL to {where.removesuffix('/sign-in')}, if you know it. It may also be the "
            "sign-in page of a network.",
            USAGE,
        )
    members = _members(answer)
    if answer.status >= 500 or answer.status == 429:
        request = answer.headers.get("apigw-requestid")
        return failed(
            "api",
            f"{answer.status} from {urlsplit(url).hostname}"
            + (f" [request {request}]" if request else ""),
            "The service is overloaded or broken: try again in a few minutes, then tell whoever "
            "runs it.",
            UNAVAILABLE,
        )
    ours = members is not None and (
        "client_id" in members if answer.ok else "message" in members or "code" in members
    )
    if ours:
        return None
    kind, server = (answer.headers.get(name, "none") for name in ("Content-Type", "Server"))
    return failed(
        "api",
        f"something else than the API answers: {answer.status}, Content-Type: {kind}, "
        f"Server: {server}",
        "Is it the API's URL, as the deployment put it out (ApiUrl)? Else a proxy or the sign-in "
        "page of a network answers in its place.",
    )


def _unanswered(error: Exception) -> Finding:
    """The API answered what no key or token has to do with."""
    status = status_of(error)
    advice = {
        UNAVAILABLE: "Try again in a few minutes, then tell whoever runs it.",
        REFUSED: "Set the URL that the deployment put out (ApiUrl), without a path of your own.",
    }.get(status, "")
    return failed("api", sentence(error), advice, status)


def _answers(name: str, to: str) -> Finding:
    return Finding("api", f"{name} answers; it tells its version only with a valid {to}")


def _version(service: Service, answer: Answer) -> Finding:
    version = answer.headers.get("Wideload-Version")
    if version is None:
        return warning(
            "api",
            f"{service.name}, which doesn't tell its version",
            "It is older than this client: if something is amiss, have it updated.",
        )
    return Finding("api", f"{service.name}, version {version} (this client: {__version__})")


def _members(answer: Answer) -> dict[str, Any] | None:
    try:
        return parse_object(answer.body)
    except ValueError:
        return None
