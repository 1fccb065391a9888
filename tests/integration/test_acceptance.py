"""`make acceptance` against the embedded cloud: it passes, leaves nothing behind, and names the
claim when something of the deployment is broken.

What its checks make of configuration that the embedded cloud drops: `guards/test_acceptance`.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from local.paths import ROOT
from tests.acceptance import run as runs
from tests.acceptance.deployment import Deployment
from tests.acceptance.embedded import CANT_SHOW, claim_of
from tests.pages import read_page

DEADLINE = 500
ROW = re.compile(r"\| ([^|]+) \| (holds|not shown|\*\*fails\*\*|\*\*error\*\*) \| (.*) \|")
CALL = re.compile(r"^- ([\w ]+): (\w+)$", re.M)
PREFIXES = {"Cognito Identity Provider": "cognito-idp", "CloudWatch Logs": "logs"}
OTHER_NAMES = {
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket",
}
"""Operations whose IAM action has another name.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
BY_OPTION = {"a file in a thousand parts is completed"}


def start(cloud: Cloud, report: Path, *arguments: str) -> subprocess.Popen[str]:
    """Begin a run, in a session of its own as a terminal's foreground job is."""
    # Without the plugin that imports schemathesis, which these tests don't use.
    options = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
    command = [sys.executable, "-m", "pytest", *options, "tests/acceptance"]
    return subprocess.Popen(
        [*command, "--environment", "local", "--report", str(report), "-q", *arguments],
        cwd=ROOT,
        env=cloud.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def claims(report: Path) -> dict[str, tuple[str, str]]:
    """Result and what was seen of each claim."""
    return {
        row[1]: (row[2], row[3])
        for row in map(ROW.fullmatch, report.read_text().splitlines())
        if row
    }


def action(call: tuple[str, str]) -> str:
    """The IAM action of a call to AWS."""
    service, operation = call
    operation = OTHER_NAMES.get(operation, operation)
    return f"{PREFIXES.get(service, service.lower())}:{operation}"


def documented_actions() -> set[str]:
    """IAM actions that the page demands for the operator's credentials."""
    page = read_page("acceptance.md")
    policy = json.loads(page.partition("```json\n")[2].partition("```")[0])
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def traces(cloud: Cloud) -> list[str]:
    """All that runs made and that is there."""
    s3, dynamodb, cognito = (cloud.client(name) for name in ("s3", "dynamodb", "cognito-idp"))
    found = [
        f"{table}: {item}"
        for table in dynamodb.list_tables()["TableNames"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table)
        for item in page["Items"]
        if "acceptance-" in str(item)
    ]
    for bucket in (one["Name"] for one in s3.list_buckets()["Buckets"]):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        found += [key for key in keys if "acceptance-" in key]
    pools = cognito.list_user_pools(MaxResults=10)["UserPools"]
    users = [user for pool in pools for user in cognito.list_users(UserPoolId=pool["Id"])["Users"]]
    return found + [str(user) for user in users if "acceptance-" in str(user)]


def files_of(cloud: Cloud, outputs: Outputs) -> int:
    """Items, objects and unfinished uploads of files, whose owners have no name that would tell a
    run's."""
    where = outputs["files"]
    items = cloud.client("dynamodb").scan(TableName=where["table"], Select="COUNT")["Count"]
    objects = cloud.client("s3").list_objects_v2(Bucket=where["bucket"])["KeyCount"]
    return int(items + objects + unfinished(cloud, where["bucket"]))


def unfinished(cloud: Cloud, bucket: str) -> int:
    """Multipart uploads that are open, those of other tests among them."""
    return len(cloud.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", []))


def test_every_claim_holds_and_nothing_is_left(
    cloud: Cloud, outputs: Outputs, tmp_path: Path
) -> None:
    before, report = files_of(cloud, outputs), tmp_path / "acceptance.md"

    run = start(cloud, report)
    output, _ = run.communicate(timeout=DEADLINE)

    assert run.returncode == 0, output
    found = claims(report)
    skipped = {
        claim.partition(" (")[0] for claim, (word, _) in found.items() if word == "not shown"
    }
    assert skipped == {claim_of(name.partition("::")[2]) for name in CANT_SHOW} | BY_OPTION
    assert {word for word, _ in found.values()} == {"holds", "not shown"}
    text = report.read_text()
    assert re.search(r"\| worker \| [\d.]+ MB/s of gzip", text)
    assert re.search(
        r"\| POST /send-call-log \(\d+ times\) \| p50 [\d,]+ ms, p99 [\d,]+ ms \|", text
    )
    assert "\n- The run left nothing behind.\n" in text
    assert {action(call) for call in CALL.findall(text)} - documented_actions() == set()
    assert traces(cloud) == []
    assert files_of(cloud, outputs) == before


def test_ctrl_c_leaves_nothing(
    cloud: Cloud, worker_paused: Callable[[], None], tmp_path: Path
) -> None:
    run = start(cloud, tmp_path / "acceptance.md", "-k", "inline_reads_back or nobody_claims")
    # It waits for the worker, which is paused.
    wait_for(lambda: any("transit/acceptance-" in trace for trace in traces(cloud)), run)

    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=DEADLINE)

    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert traces(cloud) == []
    assert "The run left nothing behind." in (tmp_path / "acceptance.md").read_text()


def test_a_run_that_ci_cancels_leaves_nothing(
    cloud: Cloud, outputs: Outputs, tmp_path: Path
) -> None:
    before, bucket = files_of(cloud, outputs), outputs["files"]["bucket"]
    others = unfinished(cloud, bucket)
    run = start(cloud, tmp_path / "acceptance.md", "-k", "file_in_parts or interrupted_upload")
    wait_for(lambda: unfinished(cloud, bucket) > others, run)

    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=DEADLINE)

    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert traces(cloud) == []
    assert files_of(cloud, outputs) == before


def test_what_a_killed_run_left_is_removed_by_the_next(
    cloud: Cloud, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.settings.items():
        monkeypatch.setenv(name, value)
    killed = runs.Run(Deployment("local", boto3.Session()))
    api = killed.ingest(killed.new_key())
    assert api.request("POST", "/send-call-log", {"call_id": "c"}).status == 200
    killed.new_person()
    monkeypatch.setattr(runs, "KILLED_AFTER", -runs.KILLED_AFTER)

    removed = runs.Run(killed.deployment).clear_killed()

    assert removed == [killed.name, f"{killed.name}@example.com"]
    assert traces(cloud) == []


def wait_for(look: Callable[[], Any], run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DEADLINE
    while not look():
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.05)


# Broken on purpose: each way with the claim that fails.

Break = Callable[[Cloud, Deployment], Callable[[], Any]]
"""Breaks something, and returns what mends it."""


def drop_origins_of_the_bucket(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    s3, bucket = cloud.client("s3"), deployment.outputs["files"]["BucketName"]
    kept = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    s3.delete_bucket_cors(Bucket=bucket)
    return lambda: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": kept})


def drop_the_origin_of_the_api(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    gateway = cloud.client("apigatewayv2")
    [api] = deployment.of_type("AWS::ApiGatewayV2::Api", "files")
    kept = gateway.get_api(ApiId=api.id)["CorsConfiguration"]
    other = kept | {"AllowOrigins": ["https://elsewhere.example.com"]}
    gateway.update_api(ApiId=api.id, CorsConfiguration=other)
    return lambda: gateway.update_api(ApiId=api.id, CorsConfiguration=kept)


def unblock_public_access(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    s3, bucket = cloud.client("s3"), deployment.outputs["ingest"]["BucketName"]
    kept = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=bucket)
    return lambda: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=kept)


def allow_plain_http(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    s3, bucket = cloud.client("s3"), deployment.outputs["ingest"]["BucketName"]
    kept = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.put_bucket_policy(Bucket=bucket, Policy=kept.replace("aws:SecureTransport", "aws:Via"))
    return lambda: s3.put_bucket_policy(Bucket=bucket, Policy=kept)


def keep_logs_for_ever(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    logs, group = cloud.client("logs"), deployment.of_type("AWS::Logs::LogGroup", "ingest")[0]
    logs.delete_retention_policy(logGroupName=group.id)
    return lambda: logs.put_retention_policy(
        logGroupName=group.id, retentionInDays=group.properties["RetentionInDays"]
    )


def switch_expiry_off(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    def switch(on: bool) -> None:
        cloud.client("dynamodb").update_time_to_live(
            TableName=deployment.outputs["ingest"]["PayloadsTableName"],
            TimeToLiveSpecification={"Enabled": on, "AttributeName": "expires_at"},
        )

    switch(False)
    return lambda: switch(True)


def have_metrics_dropped(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    functions = cloud.client("lambda")
    [sweep] = [
        one for one in deployment.of_type("AWS::Lambda::Function", "files") if "Sweep" in one.name
    ]
    kept = functions.get_function_configuration(FunctionName=sweep.id)["LoggingConfig"]

    def configure(config: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=sweep.id, LoggingConfig=config)

    configure(kept | {"ApplicationLogLevel": "ERROR"})
    return lambda: configure(kept)


def let_anybody_in(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    gateway = cloud.client("apigatewayv2")
    [api] = deployment.of_type("AWS::ApiGatewayV2::Api", "files")
    routes = gateway.get_routes(ApiId=api.id)["Items"]
    [route] = [one for one in routes if one["RouteKey"] == "GET /files"]
    where = {"ApiId": api.id, "RouteId": route["RouteId"]}
    gateway.update_route(**where, AuthorizationType="NONE")
    kept = {
        name: route[name]
        for name in ("AuthorizationType", "AuthorizerId", "AuthorizationScopes")
        if name in route
    }
    return lambda: gateway.update_route(**where, **kept)


def name_another_client(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    client_id = deployment.outputs["files"]["ClientId"]
    return changed_object(cloud, deployment, "config.json", client_id.encode(), b"another")


def break_a_link_of_the_page(cloud: Cloud, deployment: Deployment) -> Callable[[], Any]:
    return changed_object(cloud, deployment, "index.html", b".js", b"-lost.js")


def changed_object(
    cloud: Cloud, deployment: Deployment, key: str, old: bytes, new: bytes
) -> Callable[[], Any]:
    s3, where = cloud.client("s3"), {"Bucket": deployment.outputs["web"]["BucketName"], "Key": key}
    found = s3.get_object(**where)
    kept, kind = found["Body"].read(), {"ContentType": found["ContentType"]}
    assert old in kept
    s3.put_object(**where, **kind, Body=kept.replace(old, new))
    return lambda: s3.put_object(
        **where, **kind, Body=kept, CacheControl=found.get("CacheControl", "")
    )


BROKEN: dict[str, Break] = {
    "the bucket lets the page send parts": drop_origins_of_the_bucket,
    "the api lets the page in": drop_the_origin_of_the_api,
    "every bucket blocks public access": unblock_public_access,
    "every bucket policy denies plain http": allow_plain_http,
    "logs are kept for as long as the template says": keep_logs_for_ever,
    "expired items are deleted by the tables": switch_expiry_off,
    "no function has lambda drop its metrics": have_metrics_dropped,
    "without a token nothing is answered": let_anybody_in,
    "the pages configuration names this deployment": name_another_client,
    "all that the page asks for is there": break_a_link_of_the_page,
}
"""The claim that fails, and it alone, to what was broken."""


@contextmanager
def all_broken(cloud: Cloud, deployment: Deployment) -> Iterator[None]:
    with ExitStack() as mends:
        for break_it in BROKEN.values():
            mends.callback(break_it(cloud, deployment))
        yield


def test_it_names_the_claim_for_each_of_ten_ways_of_breaking_a_deployment(
    cloud: Cloud, outputs: Outputs, tmp_path: Path
) -> None:
    """All at once, as each is another claim's: what else would fail by one of them shows, too."""
    report = tmp_path / "acceptance.md"
    deployment = Deployment("local", cloud)

    with all_broken(cloud, deployment):
        run = start(cloud, report, "-k", "configuration or page or token_nothing or key_nothing")
        output, _ = run.communicate(timeout=DEADLINE)

    assert run.returncode == pytest.ExitCode.TESTS_FAILED, output
    failed = {claim for claim, (word, _) in claims(report).items() if word == "**fails**"}
    assert failed == set(BROKEN)
