"""Upload some bytes to S3 by presigned URL, and explain a refusal by S3."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from wideload._cli.doctor.finding import Finding, failed, warning
from wideload._cli.doctor.network import Network
from wideload._cli.doctor.services import Service
from wideload._cli.exit_status import status_of
from wideload._cli.messages import print_message, sentence
from wideload._http import Answer, NoAnswer
from wideload._presigned import passes, refusal
from wideload.errors import UploadError, WideloadError

_OPERATORS = "Report it to the operators of the deployment, with S3's request id"
_CHANGED = (
    "The bytes changed on the way: something alters bodies, such as a proxy that scans uploads. "
    "Ask its operators to except {host}."
)
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_MEANINGS = {
    "SignatureDoesNotMatch": (
        "The request didn't arrive as it was signed. Most often a proxy changes or adds headers: "
        "ask its operators to except {host}, or try another network. If it fails there too, the "
        "deployment signs wrongly: report it to its operators."
    ),
    "AccessDenied": (
        "The signature is right, and a policy denies it: that of the bucket, of the function's "
        "role, of a key (KMS), or of a VPC endpoint, which may let in only some networks. "
        f"{_OPERATORS}."
    ),
    "expired": (
        "The URL was made a moment ago, so it was made with a wrong clock, or with credentials "
        f"that have expired. {_OPERATORS}."
    ),
    "ExpiredToken": f"The function signed with credentials that have expired. {_OPERATORS}.",
    "InvalidAccessKeyId": (
        f"The function signed with credentials that S3 doesn't know. {_OPERATORS}."
    ),
    "RequestTimeTooSkewed": (
        "S3's clock and the one that the URL was signed by are over 15 minutes apart. If the step "
        "clock found yours right, the deployment's is wrong: report it to its operators."
    ),
    "BadDigest": _CHANGED,
    "InvalidDigest": _CHANGED,
    "XAmzContentChecksumMismatch": _CHANGED,
    "XAmzContentSHA256Mismatch": _CHANGED,
    "IncompleteBody": _CHANGED,
    "MissingContentLength": ("A proxy removes Content-Length. Ask its operators to except {host}."),
    "NoSuchBucket": f"The deployment's bucket is gone. {_OPERATORS}.",
    "region": (
        "The bucket is in another region than the URL is signed for. The deployment has to sign "
        "for the bucket's region: report it to its operators."
    ),
}
_REGION_CODES = {
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
}


@dataclass(frozen=True)
class TrialPut:
    """The request of a trial upload, and its answer.

    Attributes:
        method, url, headers: As the API gave them.
        answer: Of S3; None if none came.
    """

    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    answer: Answer | None


def upload(
    network: Network, service: Service, origin: str | None
) -> Generator[Finding, None, TrialPut | None]:
    """Upload some bytes with a URL of the API, and delete them again.

    Args:
        origin: Sent as the `Origin` header, if given.

    Returns:
        The upload; None if the API gave no URL.
    """
    try:
        trial = service.begin()
    except WideloadError as error:
        yield failed(
            "upload",
            f"the API gives no upload URL: {sentence(error)}",
            "The message says what is wrong.",
            status_of(error),
        )
        return None
    host = urlsplit(trial.url).hostname or ""
    page = {"Origin": origin} if origin else {}
    answer = None
    try:
        answer = network.http.request(
            trial.method, trial.url, headers={**trial.headers, **page}, body=trial.body
        )
    except NoAnswer as error:
        finding = network.explain(trial.url, error, "upload")
    except KeyboardInterrupt:
        if left := _remove(service, trial.id):
            print_message(left)
        raise
    else:
        finding = Finding("upload", f"{len(trial.body)} bytes sent to {host}, and deleted again")
        if not answer.ok:
            finding = explain_refusal(refusal("upload", answer), answer, host)
    left = _remove(service, trial.id)
    if left and finding.status == "ok":
        finding = warning("upload", f"{len(trial.body)} bytes sent to {host}", left)
    elif left:
        finding = replace(finding, message=f"{finding.message}\n{left}")
    yield finding
    return TrialPut(trial.method, trial.url, trial.headers, answer)


def explain_refusal(error: UploadError, answer: Answer, host: str) -> Finding:
    """Explain a refusal by S3, or by a server that answers in its place."""
    kind = answer.headers.get("Content-Type", "no type")
    if error.code is None and "x-amz-request-id" not in answer.headers:
        server = answer.headers.get("Server", "no name")
        return failed(
            "upload",
            f"something other than S3 answered for {host}: {answer.status}, {kind}, "
            f"Server: {server}",
            f"A proxy or firewall answers in its place. Ask its operators to let {host} through.",
            status_of(error),
        )
    request = f" [request {error.request_id}]" if error.request_id else ""
    meaning = error.code or ""
    there = _region(answer)
    if meaning in _REGION_CODES or answer.status in {301, 307}:
        meaning = "region"
    elif meaning == "AccessDenied" and re.search("expired|not yet valid", error.detail or ""):
        meaning = "expired"
    advice = _MEANINGS.get(
        meaning, "Try again in a moment." if passes(error) else f"{_OPERATORS}."
    ).format(host=host)
    where = f"; the bucket is in {there}" if there and meaning == "region" else ""
    return failed("upload", f"{error}{where}{request}", advice, status_of(error))


def _remove(service: Service, id: str) -> str:
    """Delete the trial upload.

    Returns:
        A sentence about what couldn't be deleted; empty if nothing is left.
    """
    try:
        service.remove(id)
    except WideloadError as error:
        return (
            f"Left behind: {service.thing} {id}, which can't be deleted ({sentence(error)}). "
            "S3 deletes it after seven days."
        )
    return ""


def _region(answer: Answer) -> str | None:
    found = re.search(rb"<Region>([a-z0-9-]+)</Region>", answer.body)
    return answer.headers.get("x-amz-bucket-region") or (found[1].decode() if found else None)
