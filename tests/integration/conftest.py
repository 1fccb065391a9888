"""A cloud of the tests' own, deployed once, on a free port: a developer's may be up beside it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from local.outputs import Outputs
from tests.integration.permissions import Provoked

FOLDER = Path(__file__).parent
SECOND_APP = [sys.executable, "-m", "tests.integration.second_app"]
DESELECTED = pytest.StashKey[int]()
PARTIAL = pytest.StashKey[str | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-permissions",
        action="store_true",
        help="write docs/permissions.md anew; give tests/integration as an argument with it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin that pyproject.toml keeps from other tests."""
    config.pluginmanager.import_plugin("schemathesis.pytest.plugin")


def pytest_deselected(items: list[pytest.Item]) -> None:
    stash = items[0].config.stash
    stash[DESELECTED] = stash.get(DESELECTED, 0) + len(items)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put those that judge all others of this folder last, and note whether all are there."""
    here = [item for item in items if item.path.is_relative_to(FOLDER)]
    last = [item for item in here if "whole_suite" in getattr(item, "fixturenames", ())]
    at = items.index(here[-1]) + 1 if here else 0
    items[:] = [
        *(item for item in items[:at] if item not in last),
        *last,
        *items[at:],
    ]
    every_file = set(FOLDER.rglob("test_*.py")) <= {item.path for item in here}
    if not every_file or config.stash.get(DESELECTED, 0) or "::" in "".join(config.args):
        config.stash[PARTIAL] = "only some of them were selected"


@pytest.fixture(scope="session")
def whole_suite(outputs: Outputs, pytestconfig: pytest.Config) -> None:
    """For tests that judge all others of this folder: they run last, and only if all ran."""
    why = pytestconfig.stash.get(PARTIAL, None)
    if why:
        # A pipeline that leaves tests out should not look as if all had been judged.
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"judges what all tests of tests/integration did, and {why}")


@pytest.fixture(scope="session")
def logs(cloud: Cloud, whole_suite: None) -> dict[str, list[str]]:
    """All lines of each log group that our stacks made, in the end."""
    client = cloud.client("logs")
    pages = client.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return {name: cloud.group_lines(name) for name in names if "/wideload-" in name}


@dataclass
class Refusals:
    """Requests that tests have S3 refuse on purpose; they are no missing permissions.

    Attributes:
        keys: Of the objects.
    """

    cloud: Cloud
    keys: set[str] = field(default_factory=set)

    @contextmanager
    def to_read(self, bucket: str, key: str) -> Iterator[None]:
        """Have S3 answer reads of this key with 403, whether there is an object or not.

        S3 does so by itself for one that is not there, if the caller may not list the whole
        bucket; the embedded cloud doesn't.
        """
        s3 = self.cloud.client("s3")
        kept = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        policy = json.loads(kept)
        policy["Statement"].append(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/{key}",
            }
        )
        self.keys.add(key)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        try:
            yield
        finally:
            s3.put_bucket_policy(Bucket=bucket, Policy=kept)

    @property
    def provoked(self) -> list[Provoked]:
        return [Provoked("A test forbade it.", "s3:*Object", f"*/{key}") for key in self.keys]


@pytest.fixture(scope="session")
def refusals(cloud: Cloud) -> Refusals:
    return Refusals(cloud)


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
    directory = tmp_path_factory.mktemp("cloud")
    with Cloud(directory=directory, port=free_port(), record_calls=True) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def outputs(cloud: Cloud) -> Outputs:
    return deploy(cloud)


@pytest.fixture(scope="session")
def second_outputs(cloud: Cloud, outputs: Outputs) -> Outputs:
    """The canary's ingest and the verifier's files, deployed beside the local environment."""
    assert outputs
    first = cloud.outputs_path.read_bytes()
    try:
        return deploy(cloud, app=shlex.join(SECOND_APP))
    finally:
        cloud.outputs_path.write_bytes(first)


@pytest.fixture(scope="session")
def http(cloud: Cloud) -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(ca_certs=str(cloud.ca_bundle), retries=False, timeout=60) as pool:
        yield pool


@pytest.fixture(scope="session")
def session(cloud: Cloud) -> Iterator[requests.Session]:
    """Connections of `requests`, which generated requests are sent with."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(cloud.ca_bundle)
        yield session


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
    return functions_of(cloud, "local")


def functions_of(cloud: Cloud, environment: str) -> dict[str, str]:
    """Names of an environment's functions by the last part of their handler's module."""
    listed = cloud.client("lambda").list_functions()["Functions"]
    return {
        item["Handler"].split(".")[-2]: item["FunctionName"]
        for item in listed
        if item["FunctionName"].startswith(f"wideload-{environment}-")
    }


@pytest.fixture
def worker_paused(cloud: Cloud, functions: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Pause the worker; call the fixture's value to resume it."""
    with paused(cloud, functions["ingest_worker"]) as go_on:
        yield go_on


@contextmanager
def paused(cloud: Cloud, function: str) -> Iterator[Callable[[], None]]:
    """Pause a function's event source; call the yielded value to resume it."""
    client = cloud.client("lambda")
    mappings = client.list_event_source_mappings(FunctionName=function)
    (mapping,) = mappings["EventSourceMappings"]

    def switch(on: bool) -> None:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)

    switch(False)
    try:
        yield lambda: switch(True)
    finally:
        switch(True)
