"""Start and stop the embedded cloud."""

from __future__ import annotations

import functools
import http.client
import json
import os
import secrets
import shutil
import ssl
import subprocess
import textwrap
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from . import processes
from .certificates import Certificates, ensure_certificates
from .errors import CloudError
from .locks import exclusive
from .paths import DOWN, LAUNCHER, LOCAL, MINISTACK_PYTHON, UP, node
from .ports import DEFAULT_PORT, check_free, free_port, port_from_environment

__all__ = ["Cloud", "CloudError", "free_port"]

REGION = "us-east-1"
FUNCTION_VARIABLE = "AWS_LAMBDA_FUNCTION_NAME"
"""Set in every worker, to the name of its function."""


@dataclass(frozen=True)
class _Record:
    """Contents of `cloud.json`, which describes a running cloud."""

    mark: str
    port: int


class Cloud:
    """One embedded cloud: a process on 127.0.0.1 that holds all it knows in memory.

    As a context manager it starts a cloud that ends with this process, however that
    ends; `start()` starts one that outlives it.

    Args:
        directory: Where its log, its temporary files and the outputs go.
            Default: `.local/` of this checkout.
        port: Default: what `WIDELOAD_LOCAL_PORT` says, else the one it is already up on,
            else 4566.
        python: The interpreter of ministack's own environment.
        record_calls: Write every call that a role made to `calls_path`.

    Raises:
        CloudError: `port` or `WIDELOAD_LOCAL_PORT` is no port.
    """

    def __init__(
        self,
        directory: Path = LOCAL,
        *,
        port: int | None = None,
        python: Path = MINISTACK_PYTHON,
        record_calls: bool = False,
    ) -> None:
        self.directory = directory.resolve()
        self.python = python
        self._record_calls = record_calls
        self._asked_port = port if port is not None else port_from_environment()
        if self._asked_port is not None and not 0 < self._asked_port < 65536:
            raise CloudError(f"{self._asked_port} is no port: give a number from 1 to 65535")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        return self.directory / "cloud.log"

    @property
    def calls_path(self) -> Path:
        """Calls of roles, as JSON lines (`launcher.record_calls_of_roles`)."""
        return self.directory / "calls.jsonl"

    @property
    def outputs_path(self) -> Path:
        return self.directory / "outputs.json"

    @property
    def temporary_directory(self) -> Path:
        return self.directory / "tmp"

    @property
    def ca_bundle(self) -> Path:
        return ensure_certificates().ca_bundle

    @property
    def port(self) -> int:
        record = self._read_record()
        return record.port if record else self._asked_port or DEFAULT_PORT

    @property
    def endpoint_url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def region(self) -> str:
        return REGION

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables that lead an AWS SDK, the AWS CLI or the CDK CLI here."""
        return {
            **sdk_settings(self.endpoint_url),
            # It keeps which account an access key belongs to: not for the developer's own CLI.
            "CDK_HOME": str(self.directory / "cdk-home"),
        }

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with `settings` in place of all that is AWS's or a proxy's."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
        }
        return inherited | self.settings

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this cloud, as the account's root unless `options` name a key."""
        return self._session.client(service, **self._client_options(service, options))

    def table(self, name: str) -> Any:
        """A DynamoDB table of this cloud, as a boto3 resource."""
        options = self._client_options("dynamodb", {})
        return self._session.resource("dynamodb", **options).Table(name)

    @functools.cached_property
    def _session(self) -> Any:
        import boto3
        import botocore.session

        # A profile or a configuration file of the developer's must not decide anything here.
        nowhere = (None, None, os.devnull, None)
        variables: dict[str, tuple[str | None, ...]] = {
            "profile": (None, None, None, None),
            "config_file": nowhere,
            "credentials_file": nowhere,
        }
        return boto3.Session(
            botocore_session=botocore.session.Session(variables), region_name=REGION
        )

    def _client_options(self, service: str, options: dict[str, Any]) -> dict[str, Any]:
        from botocore.config import Config

        config = Config(
            proxies={},
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
        )
        if "config" in options:
            config = config.merge(options["config"])
        return {
            "endpoint_url": self.endpoint_url,
            "verify": str(self.ca_bundle),
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            **options,
            "config": config,
        }

    @property
    def running(self) -> bool:
        return self.server is not None

    @property
    def server(self) -> psutil.Process | None:
        """The emulator's own process, if it lives."""
        for process in self.processes():
            worker = processes.read_variable(process, FUNCTION_VARIABLE) is not None
            # Nothing can be read of a worker that has just ended either.
            if not worker and processes.is_alive(process):
                return process
        return None

    def processes(self) -> list[psutil.Process]:
        """The server and the workers of the functions that were called, oldest first."""
        record = self._read_record()
        return processes.find(record.mark) if record else []

    def function_processes(self, function_name: str) -> list[psutil.Process]:
        """The workers of one function: one per call that it served at the same time."""
        return [
            process
            for process in self.processes()
            if processes.read_variable(process, FUNCTION_VARIABLE) == function_name
        ]

    def log_lines(self, function_name: str) -> list[str]:
        """Log lines of a function so far, oldest first, with the runtime's own lines."""
        function = self.client("lambda").get_function_configuration(FunctionName=function_name)
        group = function.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function_name}")
        return self.group_lines(group)

    def group_lines(self, group: str) -> list[str]:
        """Lines of a log group, oldest first; none if there is no such group."""
        logs = self.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        try:
            events = [event for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []  # a function that wasn't called yet has none
        events.sort(key=lambda event: event["timestamp"])
        return [line for event in events for line in event["message"].splitlines()]

    def start(self, *, owned: bool = False, timeout: float = 60.0) -> bool:
        """Start it and wait until it answers. Returns False if it was up already.

        Args:
            owned: End it when this process ends, even by SIGKILL.
            timeout: Seconds until it must answer.

        Raises:
            CloudError: it isn't installed, the port is taken, it is up on another port, or
                it didn't come up.
        """
        with exclusive(self._lock_path):
            if self.running:
                self._check_port()
                self._wait_until_ready(timeout)
                return False
            self._end()  # workers may have outlived their server
            self._spawn(owned=owned)
            try:
                self._wait_until_ready(timeout)
            except BaseException:
                self._end()
                raise
            return True

    def stop(self) -> bool:
        """End it with its functions and drop what it left. Returns False if it wasn't up.

        Raises:
            CloudError: a process of it survived SIGKILL.
        """
        with exclusive(self._lock_path):
            was_up = self.running
            self._end()
            return was_up

    def __enter__(self) -> Cloud:
        self.start(owned=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:  # else it was up before, and isn't ours to end
            self.stop()

    @property
    def _record_path(self) -> Path:
        return self.directory / "cloud.json"

    @property
    def _lock_path(self) -> Path:
        return self.directory / ".cloud.lock"

    def _read_record(self) -> _Record | None:
        try:
            content = json.loads(self._record_path.read_text())
            return _Record(mark=str(content["mark"]), port=int(content["port"]))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def _end(self) -> None:
        """End what lives of the recorded cloud and drop all that it left; its log stays."""
        record = self._read_record()
        survivors = processes.end(record.mark) if record else []
        if survivors:
            pids = ", ".join(str(process.pid) for process in survivors)
            raise CloudError(f"can't end these processes of the embedded cloud: {pids}")
        if self._process is not None:
            self._process.wait(timeout=5)
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
        self._record_path.unlink(missing_ok=True)
        self.outputs_path.unlink(missing_ok=True)  # names only what lived in its memory
        shutil.rmtree(self.temporary_directory, ignore_errors=True)

    def _check_port(self) -> None:
        if self._asked_port not in (None, self.port):
            raise CloudError(
                f"the embedded cloud is up already, on port {self.port}: "
                f"`{DOWN}` ends it, then it can come up on port {self._asked_port}"
            )

    def _spawn(self, *, owned: bool) -> None:
        if not self.python.exists():
            raise CloudError(
                f"the embedded cloud isn't installed ({self.python} is missing): "
                f"`{UP}` installs and starts it"
            )
        record = _Record(mark=secrets.token_hex(16), port=self.port)
        check_free(record.port)
        certificates = ensure_certificates()
        self.temporary_directory.mkdir(parents=True, exist_ok=True)
        # Written first, so that a start which is cut short can still be ended.
        self._record_path.write_text(json.dumps(asdict(record)))
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [self.python, "-P", LAUNCHER],
                env=self._server_environment(record, certificates, owned=owned),
                cwd=self.temporary_directory,
                stdin=subprocess.PIPE if owned else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _server_environment(
        self, record: _Record, certificates: Certificates, *, owned: bool
    ) -> dict[str, str]:
        """All of the server's environment: functions inherit it, so nothing else gets in."""
        environment = {
            processes.MARK: record.mark,
            "AUTH": "true",
            "USE_SSL": "1",
            "GATEWAY_PORT": str(record.port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "MINISTACK_SSL_CERT": str(certificates.certificate),
            "MINISTACK_SSL_KEY": str(certificates.key),
            # No name under `localhost` resolves for all programs, so S3's bucket is in the path.
            "AWS_CONFIG_FILE": str(self._write_sdk_configuration()),
            # So that URLs which functions presign name the host that clients use.
            "AWS_ENDPOINT_URL": f"https://localhost:{record.port}",
            "HOME": str(self.temporary_directory),
            "TMPDIR": str(self.temporary_directory),
            # Else in /tmp, whatever TMPDIR says: Cognito's signing keys, shared by all clouds.
            "STATE_DIR": str(self.temporary_directory / "state"),
            # CDK's custom resources are Node.js functions.
            "PATH": f"{node().parent}{os.pathsep}{os.defpath}",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **_trust(certificates),
        }
        if owned:
            environment["WIDELOAD_CLOUD_OWNED"] = "1"
        if self._record_calls:
            environment["WIDELOAD_CALLS"] = str(self.calls_path)
        return environment

    def _write_sdk_configuration(self) -> Path:
        """Settings of the AWS SDKs for functions that make no others."""
        path = self.temporary_directory / "aws-config"
        path.write_text("[default]\ns3 =\n  addressing_style = path\n")
        return path

    def _wait_until_ready(self, timeout: float) -> None:
        tls = ssl.create_default_context(cafile=str(self.ca_bundle))
        deadline = time.monotonic() + timeout
        while not _answers(self.port, tls, timeout=min(timeout, 5)):
            if not self.running:
                status = f" with status {self._process.wait(5)}" if self._process else ""
                raise CloudError(f"the embedded cloud ended{status}; {log_end(self.log_path)}")
            if time.monotonic() > deadline:
                raise CloudError(
                    f"the embedded cloud didn't answer within {timeout:g} s: `{DOWN}` "
                    f"ends it; {log_end(self.log_path)}"
                )
            time.sleep(0.05)


def log_end(path: Path) -> str:
    """Where a log is and what its last lines say, as the end of an error's text."""
    return f"its log, {path}, ends with:\n{textwrap.indent(last_lines(path), '    ')}"


def last_lines(path: Path, count: int = 25) -> str:
    """The last `count` lines of a text file."""
    with path.open(errors="replace") as file:
        return "".join(deque(file, count)).rstrip()


def sdk_settings(endpoint_url: str) -> dict[str, str]:
    """Environment variables that lead an AWS SDK or the AWS CLI to an endpoint on this machine."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        # The emulator takes this pair for the account's root and never verifies it.
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A developer's own profile must not decide anything here.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **_trust(ensure_certificates()),
    }


def _trust(certificates: Certificates) -> dict[str, str]:
    """Our authority alone, in every variable that Python, Node.js and the SDKs look at.

    The public ones are left out on purpose: nothing that runs against the embedded cloud
    has business with another host.
    """
    names = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return dict.fromkeys(names, str(certificates.ca_bundle))


def _answers(port: int, tls: ssl.SSLContext, *, timeout: float) -> bool:
    connection = http.client.HTTPSConnection("localhost", port, timeout=timeout, context=tls)
    try:
        connection.request("GET", "/_ministack/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
