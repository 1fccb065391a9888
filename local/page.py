"""Put the built page into its bucket on the embedded cloud, which can't run a BucketDeployment."""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Mapping
from typing import Any

import urllib3

from .cloud import Cloud
from .paths import node


def publish(cloud: Cloud, bucket: str, api_url: str) -> None:
    """Upload the page as `WebContent` does on AWS, with the same headers and configuration."""
    # Importing the package starts jsii, which needs a Node.js.
    os.environ.setdefault("JSII_NODE", str(node()))
    from wideload_cdk.web import page as pages

    folder = pages.built_page()
    s3 = cloud.client("s3")

    def put(key: str, body: bytes, cache_control: str) -> None:
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        s3.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=kind, CacheControl=cache_control
        )

    for path in sorted(folder.rglob("*")):
        key = path.relative_to(folder).as_posix()
        if path.is_file() and key not in (pages.INDEX, pages.CONFIG, ".built"):
            put(key, path.read_bytes(), pages.LASTING)
    config = {"api_url": api_url, **_sign_in(cloud, api_url)}
    index = pages.narrowed_index(folder, [cloud.endpoint_url])
    put(pages.INDEX, index.encode(), pages.FRESH)
    put(pages.CONFIG, json.dumps(config).encode(), pages.FRESH)


def _sign_in(cloud: Cloud, api_url: str) -> Mapping[str, Any]:
    with urllib3.PoolManager(ca_certs=str(cloud.ca_bundle)) as http:
        answer: Mapping[str, Any] = http.request("GET", f"{api_url}/sign-in").json()
    return answer
