"""A cloud of the tests' own, deployed once, on a free port: a developer's may be up beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from local.outputs import Outputs


@dataclass(frozen=True)
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Api:
    """The deployed API as one tenant calls it, by plain HTTP requests."""

    http: urllib3.PoolManager
    url: str
    headers: dict[str, str]

    def request(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        answer = self.http.request(
            method, self.url + path, body=body, headers={**self.headers, **sent}
        )
        return Answer(answer.status, answer.headers, answer.data)

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(
        self, path: str, body: bytes | dict[str, Any], headers: dict[str, str] | None = None
    ) -> Answer:
        return self.request("POST", path, body, headers)

    def put(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """PUT to S3, with no header of the API's."""
        answer = self.http.request("PUT", url, body=body, headers=headers)
        return Answer(answer.status, answer.headers, answer.data)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(directory=tmp_path_factory.mktemp("cloud"), port=free_port()) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def outputs(cloud: Cloud) -> Outputs:
    return deploy(cloud)


@pytest.fixture(scope="session")
def http(cloud: Cloud) -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(ca_certs=str(cloud.ca_bundle), retries=False, timeout=60) as pool:
        yield pool


@pytest.fixture(scope="session")
def anybody(outputs: Outputs, http: urllib3.PoolManager) -> Api:
    return Api(http, outputs["ingest"]["api_url"], {})


@pytest.fixture(scope="session")
def acme(outputs: Outputs, http: urllib3.PoolManager) -> Api:
    ingest = outputs["ingest"]
    return Api(http, ingest["api_url"], {ingest["api_key_header"]: ingest["api_key"]})


@pytest.fixture(scope="session")
def globex(outputs: Outputs, http: urllib3.PoolManager) -> Api:
    ingest = outputs["ingest"]
    return Api(http, ingest["api_url"], {ingest["api_key_header"]: ingest["other_api_key"]})


@pytest.fixture(scope="session")
def functions(cloud: Cloud, outputs: Outputs) -> dict[str, str]:
    """Names of the deployed functions by the last part of their handler's module."""
    listed = cloud.client("lambda").list_functions()["Functions"]
    return {
        item["Handler"].split(".")[-2]: item["FunctionName"]
        for item in listed
        if item["FunctionName"].startswith("wideload-local-")  # tests may deploy more
    }
