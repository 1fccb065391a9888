"""The two ends that commands are measured at: the embedded cloud, and one that costs next to
nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from bench.cheap_end.s3 import BUCKET
from bench.shared.measure import Failed
from local.certificates import ensure_certificates
from local.cloud import Cloud, free_port, sdk_settings
from local.deploy import deploy
from local.paths import ROOT


@dataclass(frozen=True)
class End:
    """
    Attributes:
        name: For people.
        environment: With which `wideload`, boto3 and the AWS CLI reach it.
        put_url: URL that stores the object of this key by one PUT.
        get_url: URL of the object of this key.
        forget: Deletes a file, by id, and the object of a key.
        log: What the cheap S3 has got; None at the embedded cloud.
    """

    name: str
    environment: Mapping[str, str]
    put_url: Callable[[str], str]
    get_url: Callable[[str], str]
    forget: Callable[[str | None, str], None]
    log: Log | None = None


class Log:
    """The log of the cheap S3."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def clear(self) -> None:
        """Forget what has come."""
        os.truncate(self._path, 0)

    def first(self) -> float | None:
        """When the first byte of a body arrived, by the monotonic clock."""
        times = [float(text) for kind, *rest in self._lines() for text in rest if kind == "first"]
        return min(times, default=None)

    def size(self) -> int:
        """Bytes of all bodies."""
        return sum(int(text) for kind, *rest in self._lines() for text in rest if kind == "body")

    def settle(self) -> None:
        """Wait until all connections are closed."""
        while self._count("closed") < self._count("opened"):
            time.sleep(0.01)

    def _count(self, kind: str) -> int:
        return sum(line[0] == kind for line in self._lines())

    def _lines(self) -> list[list[str]]:
        lines = self._path.read_text().splitlines(keepends=True)
        return [line.split() for line in lines if line.endswith("\n")]


@contextmanager
def cheap_end(api: str = "files", *, tls: bool = True, object_size: int = 0) -> Iterator[End]:
    """The cheap end, with processes of its own until the end of the block.

    Args:
        api: `files` or `ingest`.
        object_size: Bytes of every object that is downloaded: zeros.
    """
    certificates = ensure_certificates()
    served: list[str | Path] = []
    if tls:
        served = ["--certificate", certificates.certificate, "--key", certificates.key]
    with ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory()), "log")
        log.touch()
        options: list[str | Path] = ["--object-size", str(object_size), "--log", log]
        s3_url = stack.enter_context(_server("bench.cheap_end.s3", *options, *served))
        printed = stack.enter_context(_server("bench.cheap_end.api", api, s3_url, *served))
        api_url, credential = printed.split()
        environment = {
            **_without_settings(),
            **_aws(s3_url),
            "WIDELOAD_URL": api_url,
            "WIDELOAD_TOKEN": credential,
            "WIDELOAD_API_KEY": credential,
        }
        yield End(
            f"the cheap end, {'TLS' if tls else 'plain HTTP'}",
            environment,
            lambda key: f"{s3_url}/{BUCKET}/{key}",
            lambda key: f"{s3_url}/{BUCKET}/{key}",
            lambda *_: None,
            Log(log),
        )


@contextmanager
def embedded_cloud() -> Iterator[End]:
    """An embedded cloud with file transfer, until the end of the block. It keeps objects in RAM."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Cloud(directory=Path(folder), port=free_port()) as cloud,
    ):
        files = deploy(cloud)["files"]
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        user = files["users"][0]
        token = cloud.client("cognito-idp").initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=files["client_id"],
            AuthParameters={"USERNAME": user["username"], "PASSWORD": user["password"]},
        )["AuthenticationResult"]["AccessToken"]

        def presigned(operation: str, key: str) -> str:
            url: str = s3.generate_presigned_url(operation, Params={"Bucket": BUCKET, "Key": key})
            return url

        def forget(file_id: str | None, key: str) -> None:
            s3.delete_object(Bucket=BUCKET, Key=key)
            if file_id is not None:
                with urllib3.PoolManager(ca_certs=str(cloud.ca_bundle)) as http:
                    headers = {"Authorization": f"Bearer {token}"}
                    http.request("DELETE", f"{files['api_url']}/files/{file_id}", headers=headers)

        environment = {
            **_without_settings(),
            **_aws(cloud.endpoint_url),
            "WIDELOAD_URL": files["api_url"],
            "WIDELOAD_TOKEN": token,
        }
        yield End(
            "the embedded cloud",
            environment,
            lambda key: presigned("put_object", key),
            lambda key: presigned("get_object", key),
            forget,
        )


@contextmanager
def _server(module: str, *arguments: str | Path) -> Iterator[str]:
    """A program that prints a line and serves, until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "lambda_src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise Failed(f"{module} ended with {process.wait()}")
        yield line
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _without_settings() -> dict[str, str]:
    """This process's environment, without what would lead a command elsewhere."""
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("AWS_", "WIDELOAD_", "PYTHON"))
        and not name.lower().endswith("_proxy")
    }


def _aws(endpoint_url: str) -> dict[str, str]:
    ca_bundle = str(ensure_certificates().ca_bundle)
    trusted = {"CURL_CA_BUNDLE": ca_bundle, "WIDELOAD_CA_BUNDLE": ca_bundle}
    return sdk_settings(endpoint_url) | trusted
