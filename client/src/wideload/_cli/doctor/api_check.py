"""Run the steps of `wideload doctor` against one API, in order, until one fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from wideload._cli.doctor.cors import CorsCheck
from wideload._cli.doctor.finding import Finding, failed, warning
from wideload._cli.doctor.network import STEPS, Network
from wideload._cli.doctor.services import Files, Ingest, Service
from wideload._cli.doctor.settings import Settings
from wideload._cli.doctor.trial_upload import upload
from wideload._cli.exit_status import NOT_SIGNED_IN, REFUSED, UNAVAILABLE, USAGE, status_of
from wideload._cli.messages import sentence
from wideload._http import Answer, redirected
from wideload._json import parse_object
from wideload._signin.json_http import JsonHttp
from wideload._signin.tokens import claims, iso, name_of
from wideload._version import __version__
from wideload.errors import AuthenticationError, SignInError, WideloadError


@dataclass(frozen=True)
class ApiCheck:
    """The checks of one API.

    Args:
        url: Base URL of the API.
        origin: Origin of the pages to check CORS for; None skips the step.
    """

    network: Network
    settings: Settings
    url: str
    origin: str | None

    def run(self) -> Iterator[Finding]:
        """Yield a finding for each step; after a failure, the rest is skipped."""
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
        if problem := _not_this_api(answer, self.url):
            yield problem
            return
        # Only the API of files says how to sign in.
        sign_in = _members(answer) if answer.ok else None
        service = yield from self._ingest() if sign_in is None else self._files(sign_in)
        if service is None:
            return
        put = yield from upload(self.network, service, self.origin)
        if self.origin:
            yield CorsCheck(self.network, self.origin).run(self.url, service, put)

    def _ingest(self) -> Generator[Finding, None, Service | None]:
        if not self.settings.key.value:
            yield _version_unknown("an API", "key")
            yield failed(
                "caller",
                "there is no API key",
                "Set WIDELOAD_API_KEY to your key.",
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
            yield _version_unknown(Ingest.name, "key")
            if error.status == 401:
                yield failed(
                    "caller",
                    f"the API found no key in the header {header} (401)",
                    "Its deployment expects another header, such as x-pype-token: set "
                    "WIDELOAD_API_KEY_HEADER to the right one. Or a proxy removes the header.",
                )
            else:
                yield failed(
                    "caller",
                    f"the API refuses {shown} ({error.status})",
                    "The key is wrong, incomplete, of another deployment, or revoked: ask the "
                    "operators for a new one. If you are sure that it is right, a firewall (WAF) "
                    "may refuse this network.",
                )
            return None
        except WideloadError as error:
            yield _other_error(error)
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
            yield _version_unknown(Files.name, "token")
            yield self._refused(error, token, sign_in)
            return None
        except SignInError as error:
            yield _version_unknown(Files.name, "token")
            yield failed("caller", sentence(error), "Run: wideload login", NOT_SIGNED_IN)
            return None
        except (WideloadError, OSError) as error:
            if token:
                yield _other_error(error)
                return None
            yield _version_unknown(Files.name, "token")
            yield failed("caller", sentence(error), "Then try again.", status_of(error))
            return None
        if service is None:
            yield _version_unknown(Files.name, "token")
            yield failed(
                "caller",
                "not signed in, and files belong to a person",
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
        """Find the reason in the token itself why the API refuses it."""
        known = claims(token)
        issuer, ends = sign_in.get("issuer"), known.get("exp")
        message = f"the API refuses the access token ({error.status})"
        advice = "Run: wideload login"
        if not known:
            message += ": it isn't a JWT"
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


def _not_this_api(answer: Answer, url: str) -> Finding | None:
    """The finding if a Wideload API didn't send this answer; None if it may have."""
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
            "The service is overloaded or broken: try again in a few minutes, then report it to "
            "its operators.",
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
        f"something other than the API answers: {answer.status}, Content-Type: {kind}, "
        f"Server: {server}",
        "Is it the API's URL, the deployment's output ApiUrl? Otherwise a proxy or the sign-in "
        "page of a network answers in its place.",
    )


def _other_error(error: Exception) -> Finding:
    """The finding for an error that has nothing to do with the key or token."""
    status = status_of(error)
    advice = {
        UNAVAILABLE: "Try again in a few minutes, then report it to the operators.",
        REFUSED: "Set the URL to the deployment's output ApiUrl, without a path of your own.",
    }.get(status, "")
    return failed("api", sentence(error), advice, status)


def _version_unknown(name: str, credential: str) -> Finding:
    return Finding("api", f"{name} answers; it tells its version only with a valid {credential}")


def _version(service: Service, answer: Answer) -> Finding:
    version = answer.headers.get("Wideload-Version")
    if version is None:
        return warning(
            "api",
            f"{service.name}, which doesn't tell its version",
            "It is older than this client. If something doesn't work, ask for an update.",
        )
    return Finding("api", f"{service.name}, version {version} (this client: {__version__})")


def _members(answer: Answer) -> dict[str, Any] | None:
    try:
        return parse_object(answer.body)
    except ValueError:
        return None
