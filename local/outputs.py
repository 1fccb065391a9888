"""`outputs.json`: what the embedded cloud offers, as demos, tests and scripts read it.

The shape is fixed; parts appear as they get built.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

from . import page, people
from .cloud import Cloud
from .errors import CloudError
from .paths import node
from .people import User

StackOutputs = Mapping[str, Mapping[str, str]]
"""The CDK CLI's `--outputs-file`: stack name → output name → value."""

TENANTS = ("acme", "globex")


class IngestOutputs(TypedDict):
    """The payload ingest part; `api_key` and `other_api_key` belong to two tenants."""

    api_url: str
    api_key_header: str
    api_key: str
    other_api_key: str
    bucket: str
    table: str


class FilesOutputs(TypedDict):
    """The file transfer part; `users` are two people, none if another issuer's sign in."""

    api_url: str
    user_pool_id: str
    client_id: str
    users: list[User]
    bucket: str
    table: str


class WebOutputs(TypedDict):
    """The page; browsers and curl resolve its host's name, Python does not."""

    url: str


class Outputs(TypedDict):
    endpoint_url: str
    ca_bundle: str
    region: str
    ingest: NotRequired[IngestOutputs]
    files: NotRequired[FilesOutputs]
    web: NotRequired[WebOutputs]


def read_outputs(cloud: Cloud) -> Outputs | None:
    """Outputs of the last deployment to this cloud, if there was one."""
    try:
        outputs: Outputs = json.loads(cloud.outputs_path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return outputs


def client_variables(outputs: Outputs) -> dict[str, str]:
    """Environment variables by which the client and the command find the deployment."""
    variables = {"WIDELOAD_CA_BUNDLE": outputs["ca_bundle"]}
    if "ingest" in outputs:
        variables["WIDELOAD_URL"] = outputs["ingest"]["api_url"]
        variables["WIDELOAD_API_KEY"] = outputs["ingest"]["api_key"]
        variables["WIDELOAD_API_KEY_HEADER"] = outputs["ingest"]["api_key_header"]
    if "files" in outputs:
        variables["WIDELOAD_FILES_URL"] = outputs["files"]["api_url"]
        for person in outputs["files"]["users"][:1]:
            variables["WIDELOAD_USERNAME"] = person["username"]
            variables["WIDELOAD_PASSWORD"] = person["password"]
    return variables


def write_outputs(cloud: Cloud, stacks: StackOutputs) -> Outputs:
    """Turn the outputs of the deployed stacks into `outputs.json`.

    Two tenants get an API key, and two people a password, unless they have one that works.
    """
    outputs: Outputs = {
        "endpoint_url": cloud.endpoint_url,
        "ca_bundle": str(cloud.ca_bundle),
        "region": cloud.region,
    }
    ingest = _find_stack(stacks, "ingest")
    if ingest is not None:
        outputs["ingest"] = _finish_ingest(cloud, ingest)
    files = _find_stack(stacks, "files")
    if files is not None:
        outputs["files"] = _finish_files(cloud, files)
    web = _find_stack(stacks, "web")
    if web is not None:
        page.publish(cloud, web["BucketName"], outputs["files"]["api_url"])
        outputs["web"] = {"url": web["Url"]}
    path = cloud.outputs_path
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    # It holds API keys and passwords, though only of a cloud that listens on 127.0.0.1.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(outputs, indent=2) + "\n")
    draft.replace(path)
    return outputs


def invoke_url(cloud: Cloud, api_url: str) -> str:
    """The address on this cloud of an HTTP API that a template calls `https://ID.execute-api.…`.

    Python resolves no name under `.localhost`, so the API's id goes into the path.
    """
    parts = urlsplit(api_url)
    match = re.fullmatch(r"([^.]+)\.execute-api\..+", parts.hostname or "")
    if not match:
        raise CloudError(f"can't tell the API's id from its address, {api_url}")
    stage = parts.path.strip("/") or "$default"
    return f"{cloud.endpoint_url}/_aws/execute-api/{match[1]}/{stage}"


def _find_stack(stacks: StackOutputs, part: str) -> Mapping[str, str] | None:
    return next((stacks[name] for name in stacks if name.endswith(f"-{part}")), None)


def _finish_ingest(cloud: Cloud, stack: Mapping[str, str]) -> IngestOutputs:
    try:
        api_url = invoke_url(cloud, stack["ApiUrl"])
        api_key_header = stack["ApiKeyHeader"]
        bucket = stack["BucketName"]
        table = stack["PayloadsTableName"]
        keys_table = stack["KeysTableName"]
    except KeyError as error:
        raise CloudError(f"the ingest stack has no output {error}") from error
    _turn_on_expiry(cloud, table, "expires_at")
    before = read_outputs(cloud)
    known: Mapping[str, Any] = before["ingest"] if before and "ingest" in before else {}
    return {
        "api_url": api_url,
        "api_key_header": api_key_header,
        "api_key": _keep_or_create_key(cloud, keys_table, TENANTS[0], known.get("api_key")),
        "other_api_key": _keep_or_create_key(
            cloud, keys_table, TENANTS[1], known.get("other_api_key")
        ),
        "bucket": bucket,
        "table": table,
    }


def _finish_files(cloud: Cloud, stack: Mapping[str, str]) -> FilesOutputs:
    try:
        api_url = invoke_url(cloud, stack["ApiUrl"])
        client_id = stack["ClientId"]
        bucket = stack["BucketName"]
        table = stack["TableName"]
    except KeyError as error:
        raise CloudError(f"the files stack has no output {error}") from error
    _turn_on_expiry(cloud, table, "expires_at")
    user_pool_id = stack.get("UserPoolId", "")
    before = read_outputs(cloud)
    known = before["files"]["users"] if before and "files" in before else []
    return {
        "api_url": api_url,
        "user_pool_id": user_pool_id,
        "client_id": client_id,
        "users": people.ensure(cloud, user_pool_id, client_id, known) if user_pool_id else [],
        "bucket": bucket,
        "table": table,
    }


def _turn_on_expiry(cloud: Cloud, table: str, attribute: str) -> None:
    """Set the TTL that the template declares: the emulator's CloudFormation drops it."""
    dynamodb = cloud.client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )


def _keep_or_create_key(cloud: Cloud, table: str, tenant: str, previous: str | None) -> str:
    keys = cloud.table(table)
    if previous and _is_valid(keys, tenant, previous):
        return previous
    # Importing the package starts jsii, which needs a Node.js.
    os.environ.setdefault("JSII_NODE", str(node()))
    from wideload_cdk.keys import create_key

    return create_key(keys, tenant, label="embedded cloud").api_key


def _is_valid(keys: Any, tenant: str, key: str) -> bool:
    """Whether this very cloud still knows the key: its memory is empty after each start."""
    found = re.fullmatch(r"wl_([a-z0-9]+)_.+", key)
    if not found:
        return False
    item = keys.get_item(Key={"key_id": found[1]}).get("Item", {})
    return (
        item.get("secret_hash") == hashlib.sha256(key.encode()).hexdigest()
        and item.get("tenant") == tenant
        and "revoked_at" not in item
    )
