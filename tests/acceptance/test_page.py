"""The page, what browsers may do from it, and the form that people sign in by."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from tests.acceptance.conftest import needs
from tests.acceptance.deployment import Deployment
from tests.acceptance.http import Answer
from tests.acceptance.run import Run

REDIRECTS = 5

Seen = Callable[[str], None]


@pytest.fixture
def origin(deployment: Deployment) -> str:
    """Origin of the deployed page."""
    needs(deployment, "web")
    return deployment.outputs["web"]["Url"].rstrip("/")


def test_the_page_is_served_with_strict_headers(run: Run, origin: str, seen: Seen) -> None:
    answer = run.http.request("GET", f"{origin}/")
    assert answer.status == 200, answer
    assert "<html" in answer.body.decode().lower()
    headers = answer.headers
    assert int(re.findall(r"max-age=(\d+)", headers["Strict-Transport-Security"])[0]) >= 31_536_000
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Referrer-Policy" in headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy, policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0], policy
    seen(f"Content-Security-Policy: {policy[:80]}…")


def test_all_that_the_page_asks_for_is_there(run: Run, origin: str, seen: Seen) -> None:
    index = run.http.request("GET", f"{origin}/").body.decode()
    paths = re.findall(r'(?:src|href)="(/?[\w./-]+\.(?:js|css))"', index)
    assert paths, index[:500]
    for path in paths:
        answer = run.http.request("GET", urljoin(f"{origin}/", path))
        assert answer.status == 200, f"{path}: {answer}"
    seen(f"{len(paths)} scripts and styles")


def test_the_pages_configuration_names_this_deployment(
    run: Run, deployment: Deployment, origin: str
) -> None:
    answer = run.http.request("GET", f"{origin}/config.json")
    assert answer.status == 200, answer
    outputs = deployment.outputs["files"]
    named = answer.json["api_url"].rstrip("/")
    assert run.http.request("GET", f"{named}/sign-in").json["client_id"] == outputs["ClientId"]
    assert (answer.json["issuer"], answer.json["client_id"]) == (
        outputs["Issuer"],
        outputs["ClientId"],
    )


def test_the_api_lets_the_page_in(run: Run, origin: str, seen: Seen) -> None:
    """Where a browser hides a 401, the page finds out by what needs no token (ADR 0044)."""
    api = run.files().url
    refused = run.http.request("GET", f"{api}/files", {"Origin": origin})
    assert refused.status == 401, refused
    shown = refused.headers.get("Access-Control-Allow-Origin") == origin
    seen("browsers show a 401 to the page" if shown else "browsers hide a 401 from the page")
    opened = run.http.request("GET", f"{api}/sign-in", {"Origin": origin})
    assert opened.status == 200, opened
    assert opened.headers.get("Access-Control-Allow-Origin") == origin, opened.headers
    answer = preflight(run, f"{api}/files", origin, "POST", "authorization,content-type")
    assert answer.status in (200, 204), answer
    assert answer.headers.get("Access-Control-Allow-Origin") == origin, answer.headers
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()


def test_the_api_lets_no_other_page_in(run: Run, origin: str) -> None:
    answer = preflight(run, f"{run.files().url}/files", "https://example.com", "GET", "")
    assert "Access-Control-Allow-Origin" not in answer.headers, answer.headers


def test_the_bucket_lets_the_page_send_parts(run: Run, deployment: Deployment, origin: str) -> None:
    bucket = deployment.outputs["files"]["BucketName"]
    url = deployment.client("s3").generate_presigned_url(
        "put_object", Params={"Bucket": bucket, "Key": "x"}, ExpiresIn=60
    )
    answer = preflight(run, url, origin, "PUT", "x-amz-checksum-sha256")
    assert answer.status == 200, answer
    assert answer.headers.get("Access-Control-Allow-Origin") == origin, answer.headers
    rules = deployment.client("s3").get_bucket_cors(Bucket=bucket)["CORSRules"]
    exposed = {name.lower() for rule in rules for name in rule.get("ExposeHeaders", [])}
    assert {"etag", "x-amz-checksum-sha256"} <= exposed, exposed


def test_people_are_led_to_a_page_to_sign_in(
    run: Run, deployment: Deployment, origin: str, seen: Seen
) -> None:
    told = run.files().request("GET", "/sign-in").json
    if "authorization_endpoint" not in told:
        pytest.skip("People sign in at another issuer.")
    query = urlencode(
        {
            "client_id": told["client_id"],
            "response_type": "code",
            "scope": " ".join(told["scopes"]),
            "redirect_uri": f"{origin}/",
            "state": "acceptance",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
    )
    url, answer = follow(run, f"{told['authorization_endpoint']}?{query}")
    # Cognito leads to `/error` where it doesn't know the client or the page.
    assert (answer.status, "error" in url) == (200, False), f"{url}: {answer}"
    assert answer.headers["Content-Type"].startswith("text/html"), answer.headers
    form = "a form" if "<form" in answer.body.decode().lower() else "a page that makes its form"
    seen(f"{form} at {urlsplit(url).path}")


def preflight(run: Run, url: str, origin: str, method: str, headers: str) -> Answer:
    """The preflight of a browser for such a request from a page of this origin."""
    asked: Mapping[str, str] = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        **({"Access-Control-Request-Headers": headers} if headers else {}),
    }
    return run.http.request("OPTIONS", url, asked)


def follow(run: Run, url: str) -> tuple[str, Answer]:
    """Where redirects end and the answer there, with the cookies that are set on the way."""
    cookies: dict[str, str] = {}
    for _ in range(REDIRECTS):
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        answer = run.http.request("GET", url, sent if cookies else {})
        if answer.status not in (301, 302, 303, 307):
            break
        for cookie in answer.headers.getlist("Set-Cookie"):  # type: ignore[attr-defined]
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        url = urljoin(url, answer.headers["Location"])
    return url, answer
