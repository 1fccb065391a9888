"""`make destroy`: dev leaves nothing, prod keeps what its settings retain.

The embedded cloud refuses to delete a bucket that holds something, as AWS does.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import Any

import pytest

from local.cloud import Cloud
from local.paths import ROOT
from tests.deployments.conftest import RETAINED, Deploy, Deployment, inventory
from tests.deployments.payloads import CALL_LOG, FILM, INLINE, send, send_large
from tests.integration.files.conftest import store
from tests.integration.test_ingest import read_document

SERVICES = ("ingest", "files")


def buckets(deployment: Deployment) -> list[str]:
    return [deployment.outputs["ingest"]["bucket"], deployment.outputs["files"]["bucket"]]


def fill(deployment: Deployment) -> dict[str, Any]:
    """Store payloads and a file, and leave uploads open, as in an environment in use."""
    stored = {
        "inline": send(deployment.acme),
        "large": send_large(deployment.acme)["payload_id"],
        "file": store(deployment.ann(), FILM)["file_id"],
    }
    s3 = deployment.cloud.client("s3")
    for bucket in buckets(deployment):
        s3.create_multipart_upload(Bucket=bucket, Key="transit/unfinished")
    return stored


# dev: nothing is left


@pytest.fixture(scope="module")
def before(cloud: Cloud, local: Deployment) -> set[tuple[str, str]]:
    """Resources of other environments in the account."""
    return inventory(cloud)


@pytest.fixture(scope="module")
def dev(before: set[tuple[str, str]], deploy_environment: Deploy) -> Deployment:
    """All that the embedded cloud can make of it, and the templates of the rest."""
    deployment = deploy_environment(
        "dev",
        *SERVICES,
        "web",
        web="true",
        publish_page="true",
        monitoring="true",
        canary_minutes="5",
    )
    fill(deployment)
    return deployment


def test_templates_of_dev_keep_nothing(dev: Deployment) -> None:
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in dev.assembly.glob("*.template.json")
    }

    assert {f"wideload-dev-{name}" for name in (*SERVICES, "web", "web-content", "monitoring")} <= (
        templates.keys()
    )
    for stack, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            assert resource.get("DeletionPolicy", "Delete") == "Delete", (stack, logical_id)


def test_another_name_than_the_environments_changes_nothing(dev: Deployment, cloud: Cloud) -> None:
    there = inventory(cloud)

    done = dev.destroy(answer="prod\n")

    assert done.exit_code == 1
    assert "nothing was changed" in done.stderr
    assert inventory(cloud) == there
    assert all(cloud.client("s3").list_objects_v2(Bucket=b)["KeyCount"] for b in buckets(dev))


def test_dev_leaves_nothing(dev: Deployment, before: set[tuple[str, str]], cloud: Cloud) -> None:
    made = {kind for kind, _ in inventory(cloud) - before}
    s3, bucket = cloud.client("s3"), buckets(dev)[0]
    # Old versions and delete markers are in the way, too.
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="again", Body=body)
    s3.delete_object(Bucket=bucket, Key="again")

    done = dev.destroy(answer="dev\n")

    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("dev is gone.\n")
    assert inventory(cloud) == before
    # What is looked for was there.
    assert made >= {
        "API",
        "bucket",
        "distribution",
        "event source",
        "function",
        "log group",
        "queue",
        "role",
        "rule",
        "table",
        "user pool",
    }


def test_a_second_run_finds_nothing(dev: Deployment) -> None:
    dev.destroy("--yes")

    again = subprocess.run(
        [sys.executable, "-m", "stacks.destroy", "dev", "--assembly", str(dev.assembly), "--yes"],
        cwd=ROOT,
        env=dev.cloud.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (again.returncode, again.stdout) == (0, "Nothing of dev is deployed in us-east-1.\n")


# prod: what holds something is kept


@pytest.fixture(scope="module")
def prod(deploy_environment: Deploy) -> Deployment:
    return deploy_environment("prod", *SERVICES)


@pytest.fixture(scope="module")
def stored(prod: Deployment) -> dict[str, Any]:
    return fill(prod)


def test_prod_is_refused_while_it_is_protected(
    prod: Deployment, stored: dict[str, Any], cloud: Cloud
) -> None:
    there = inventory(cloud)

    done = prod.destroy("--yes")

    assert done.exit_code == 1
    assert "Protected from deletion: wideload-prod-ingest, wideload-prod-files." in done.stderr
    assert "set deletion_protection=False for prod in stacks/settings.py" in done.stderr
    for name in prod.physical_ids(SERVICES, RETAINED).values():
        assert name in done.stdout
    assert inventory(cloud) == there
    assert read_document(prod.acme, stored["large"])[1] == CALL_LOG


def test_prod_keeps_what_holds_something(
    prod: Deployment, stored: dict[str, Any], deploy_environment: Deploy, cloud: Cloud
) -> None:
    there = inventory(cloud)
    retained = set(prod.physical_ids(SERVICES, RETAINED).values())

    deploy_environment("prod", *SERVICES, deletion_protection="false")
    done = prod.destroy("--yes")

    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("prod is gone, but for what it keeps.\n")
    left = inventory(cloud)
    assert retained <= {name for _, name in left}
    assert {kind for kind, _ in there - left} == {
        "API",
        "event source",
        "export",
        "function",
        "queue",
        "role",
        "rule",
    }
    assert document(prod, stored["inline"]) == INLINE
    assert document(prod, stored["large"]) == CALL_LOG
    assert file_content(prod, stored["file"]) == FILM


def document(deployment: Deployment, payload_id: str) -> bytes:
    """A payload's document, from table and bucket alone."""
    ingest = deployment.outputs["ingest"]
    item = deployment.cloud.table(ingest["table"]).get_item(Key={"payload_id": payload_id})["Item"]
    if "document" in item:
        return gzip.decompress(bytes(item["document"]))
    found = deployment.cloud.client("s3").get_object(
        Bucket=ingest["bucket"], Key=item["archive_key"]
    )
    return gzip.decompress(found["Body"].read())


def file_content(deployment: Deployment, file_id: str) -> bytes:
    """A file's content, from table and bucket alone."""
    files = deployment.outputs["files"]
    items = deployment.cloud.table(files["table"]).scan()["Items"]
    [item] = [item for item in items if item["item"] == f"FILE#{file_id}"]
    found = deployment.cloud.client("s3").get_object(Bucket=files["bucket"], Key=item["key"])
    content: bytes = found["Body"].read()
    return content
