"""Deploying with the real CDK CLI, from cloud assemblies written by hand: no test synthesizes."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import deploy as module
from local import processes
from local.cloud import Cloud
from local.deploy import bootstrap, deploy, deploy_log_path
from local.errors import CloudError

GOOD: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "tried"}}
BAD: dict[str, Any] = {"Type": "AWS::Budgets::Budget", "Properties": {}}

APP = """
import json, os, pathlib, sys
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir(exist_ok=True)
for file in pathlib.Path(sys.argv[1]).iterdir():
    (out / file.name).write_bytes(file.read_bytes())
seen = {"context": json.loads(os.environ["CDK_CONTEXT_JSON"]), "environment": dict(os.environ)}
(out / "seen.json").write_text(json.dumps(seen))
"""


def test_an_assembly_is_deployed_and_its_outputs_written(cloud: Cloud, tmp_path: Path) -> None:
    outputs = deploy(cloud, assembly=_write_assembly(tmp_path, GOOD))

    assert cloud.client("sqs").get_queue_url(QueueName="tried")["QueueUrl"]
    assert outputs == json.loads(cloud.outputs_path.read_text())
    assert outputs == {
        "endpoint_url": cloud.endpoint_url,
        "ca_bundle": str(cloud.ca_bundle),
        "region": "us-east-1",
    }
    deployed = json.loads((cloud.directory / "stack-outputs.json").read_text())
    assert deployed["tried"]["Name"] == "tried"


def test_a_cloud_is_bootstrapped_once(cloud: Cloud) -> None:
    bootstrap(cloud)

    assert bootstrap(cloud) is False
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="CDKToolkit")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert cloud.client("s3").list_objects_v2(Bucket=outputs["BucketName"])["KeyCount"] == 0
    version = cloud.client("ssm").get_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    assert version["Parameter"]["Value"] == outputs["BootstrapVersion"]


def test_an_app_gets_its_context_and_synthesizes_into_the_clouds_directory(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("AWS_PROFILE", "production")
    script = tmp_path / "app.py"
    script.write_text(APP)
    assembly = _write_assembly(tmp_path / "assembly", GOOD)

    deploy(cloud, app=f"{sys.executable} {script} {assembly}", context={"transit_days": "3"})

    seen = json.loads((cloud.directory / "cdk.out" / "seen.json").read_text())
    expected = {"env": "local", "endpoint_url": cloud.endpoint_url, "transit_days": "3"}
    assert seen["context"].items() >= expected.items()
    assert seen["environment"]["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert "node" in seen["environment"]["JSII_NODE"]
    assert not {"AWS_PROFILE", "PYTHONDONTWRITEBYTECODE"} & seen["environment"].keys()


def test_a_deployment_that_fails_shows_why_and_where_the_log_is(
    cloud: Cloud, tmp_path: Path
) -> None:
    assembly = _write_assembly(tmp_path, BAD, stack="refused")

    with pytest.raises(CloudError) as caught:
        deploy(cloud, assembly=assembly)

    assert "`cdk deploy` failed with status 1" in str(caught.value)
    assert str(deploy_log_path(cloud)) in str(caught.value)
    assert "AWS::Budgets::Budget" in str(caught.value)


def test_an_app_that_fails_shows_what_it_said(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="the reason of the app"):
        deploy(cloud, app="echo the reason of the app; exit 3")


def test_a_deployment_that_hangs_is_given_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap(cloud)
    monkeypatch.setattr(module, "TIMEOUT", 0.1)

    with pytest.raises(CloudError, match=r"`cdk deploy` took longer than 0\.1 s"):
        deploy(cloud, app="sleep 60")


def test_an_interrupted_deployment_ends_with_its_app(cloud: Cloud, tmp_path: Path) -> None:
    bootstrap(cloud)
    pid = tmp_path / "pid"

    def interrupt() -> None:
        while not pid.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        deploy(cloud, app=f"echo $$ > {pid}.draft; mv {pid}.draft {pid}; exec sleep 60")

    assert _ends(int(pid.read_text()))


def test_context_beside_an_assembly_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no effect on an assembly"):
        deploy(cloud, assembly=tmp_path, context={"a": "b"})


@pytest.mark.parametrize("bootstrapped", [False, True])
def test_a_missing_cdk_cli_says_what_installs_it(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bootstrapped: bool
) -> None:
    monkeypatch.setattr(module, "CDK", tmp_path / "cdk")
    monkeypatch.setattr(module, "_is_bootstrapped", lambda _: bootstrapped)

    with pytest.raises(CloudError, match=r"CDK CLI isn't installed .* `make local-up` does it"):
        deploy(cloud)


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while any(p.pid == pid and processes.is_alive(p) for p in psutil.process_iter()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _write_assembly(directory: Path, resource: dict[str, Any], *, stack: str = "tried") -> Path:
    """A cloud assembly of one stack with one resource."""
    template = {
        "Resources": {"Only": resource},
        "Outputs": {"Name": {"Value": stack}},
    }
    manifest = {
        "version": "48.0.0",
        "artifacts": {
            stack: {
                "type": "aws:cloudformation:stack",
                "environment": "aws://unknown-account/unknown-region",
                "properties": {"templateFile": "template.json", "stackName": stack},
            }
        },
    }
    directory.mkdir(exist_ok=True)
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "template.json").write_text(json.dumps(template))
    return directory
