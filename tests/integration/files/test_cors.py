"""A page of another origin can do nothing in the name of its visitor."""

from __future__ import annotations

import pytest
import urllib3

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api

FOREIGN = ("https://evil.example.com", "http://localhost:5173", "null")


def preflight(http: urllib3.PoolManager, url: str, origin: str) -> urllib3.HTTPHeaderDict:
    """The headers by which a browser decides whether a page of `origin` may send a PUT or POST."""
    answer = http.request(
        "OPTIONS",
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PUT" if "/_aws/" not in url else "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    return answer.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_may_send_nothing(
    http: urllib3.PoolManager, cloud: Cloud, outputs: Outputs, origin: str
) -> None:
    files, ingest = outputs["files"], outputs["ingest"]
    for url in (
        f"{files['api_url']}/files",
        f"{cloud.endpoint_url}/{files['bucket']}/files/x",
        f"{ingest['api_url']}/send-call-log",
        f"{cloud.endpoint_url}/{ingest['bucket']}/transit/x",
    ):
        assert "Access-Control-Allow-Origin" not in preflight(http, url, origin), url


def test_a_foreign_page_reads_no_answer(ann: Api, outputs: Outputs) -> None:
    own = outputs["web"]["url"]

    foreign = ann.request("GET", "/files", headers={"Origin": FOREIGN[0]})
    answer = ann.request("GET", "/files", headers={"Origin": own})

    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert answer.headers["Access-Control-Allow-Origin"] == own
    # Browsers send nothing by themselves, since no answer lets them.
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_the_deployments_own_page_may(http: urllib3.PoolManager, outputs: Outputs) -> None:
    own = outputs["web"]["url"]

    allowed = preflight(http, outputs["files"]["api_url"] + "/files", own)

    assert allowed["Access-Control-Allow-Origin"] == own


def test_a_token_in_a_cookie_is_none(ann: Api, nobody: Api) -> None:
    token = ann.headers["Authorization"].removeprefix("Bearer ")
    cookies = "; ".join(f"{name}={token}" for name in ("access_token", "token", "Authorization"))

    assert nobody.request("GET", "/files", headers={"Cookie": cookies}).status == 401
