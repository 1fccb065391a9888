"""Deploy an app to the embedded cloud with the real CDK CLI."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cloud import Cloud, log_end
from .errors import CloudError
from .locks import exclusive
from .outputs import Outputs, StackOutputs, write_outputs
from .paths import CDK, ROOT, UP, node

APP = shlex.join([sys.executable, str(ROOT / "app.py")])
BOOTSTRAP_STACK = "CDKToolkit"
TIMEOUT = 900
"""Seconds for one run of the CDK CLI. A stuck custom resource would hold it for an hour."""


def bootstrap(cloud: Cloud) -> bool:
    """Deploy the CDK CLI's bootstrap stack. Returns False if it was there already.

    By CloudFormation alone, one of the ways that AWS documents: `cdk bootstrap` takes eight times
    the CPU time, most of it for the description of a change set.
    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    with exclusive(lock_path(cloud)):
        if _is_bootstrapped(cloud):
            return False
        package = _installed_cdk().resolve().parents[1]
        template = package / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"
        formation = cloud.client("cloudformation")
        formation.create_stack(
            StackName=BOOTSTRAP_STACK,
            TemplateBody=template.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        formation.get_waiter("stack_create_complete").wait(
            StackName=BOOTSTRAP_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        return True


def deploy(
    cloud: Cloud,
    *,
    app: str = APP,
    assembly: Path | None = None,
    context: Mapping[str, str] | None = None,
    stacks: Sequence[str] = (),
) -> Outputs:
    """Deploy, bootstrapping first if need be, and write `outputs.json`.

    `apps.deploy_app` deploys apps of others.

    Args:
        app: The command that synthesizes. Default: this repository's `app.py`.
        assembly: A synthesized cloud assembly to deploy instead of running `app`.
        context: CDK context beside `env=local` and `endpoint_url`; only when `app` runs.
        stacks: Names of those to deploy, without what they depend on. Default: all.

    Raises:
        CloudError: the CDK CLI failed; the text ends with its last lines.
    """
    if assembly is not None and context:
        raise ValueError("context has no effect on an assembly that is synthesized already")
    which = [*stacks, "--exclusively"] if stacks else ["--all"]
    if assembly is not None:
        source = ["--app", str(assembly.resolve())]
    else:
        source = ["--app", app, "--output", str(cloud.directory / "cdk.out")]
        source += context_options(cloud, context)
    bootstrap(cloud)
    with exclusive(lock_path(cloud)):
        return write_outputs(cloud, run_deployment(cloud, [*which, *source]))


def run_deployment(cloud: Cloud, options: Sequence[str]) -> StackOutputs:
    """Run `cdk deploy` with `options`, and return the outputs of its stacks.

    Raises:
        CloudError: It failed.
    """
    path = stack_outputs_path(cloud)
    # The CLI writes no file for stacks without outputs.
    path.write_text("{}")
    # Without change sets: to describe one, the CLI loads a database of all resource types, which
    # takes a second of CPU time.
    common = ["--require-approval", "never", "--progress", "events", "--method", "direct"]
    run_cdk(cloud, ["deploy", *options, *common, "--outputs-file", str(path)])
    outputs: StackOutputs = json.loads(path.read_text())
    return outputs


def context_options(cloud: Cloud, context: Mapping[str, str] | None) -> list[str]:
    """Options of the CDK CLI that tell an app about the embedded cloud, and `context`."""
    settings = {"env": "local", "endpoint_url": cloud.endpoint_url, **(context or {})}
    return [word for item in settings.items() for word in ("--context", "=".join(item))]


def stack_outputs_path(cloud: Cloud) -> Path:
    """The outputs of the stacks that were deployed last, as the CDK CLI writes them."""
    return cloud.directory / "stack-outputs.json"


def deploy_log_path(cloud: Cloud) -> Path:
    return cloud.directory / "deploy.log"


def lock_path(cloud: Cloud) -> Path:
    return cloud.directory / ".deploy.lock"


def _is_bootstrapped(cloud: Cloud) -> bool:
    pages = (
        cloud.client("cloudformation")
        .get_paginator("list_stacks")
        .paginate(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    )
    return any(
        stack["StackName"] == BOOTSTRAP_STACK for page in pages for stack in page["StackSummaries"]
    )


def _installed_cdk() -> Path:
    if not CDK.exists():
        raise CloudError(f"the CDK CLI isn't installed ({CDK} is missing): `{UP}` does it")
    return CDK


def run_cdk(cloud: Cloud, arguments: Sequence[str], folder: Path = ROOT) -> None:
    """Run the CDK CLI in `folder`.

    Raises:
        CloudError: It failed; the text ends with its last lines.
    """
    log_path = deploy_log_path(cloud)
    options = ["--no-notices", "--no-color", "--no-lookups"]
    command = [str(node()), str(_installed_cdk()), *arguments, *options]
    with log_path.open("w") as log:
        # A session of its own, so that the app which the CLI runs can be ended with it.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(cloud),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            ending = f"failed with status {process.wait(TIMEOUT)}"
        except subprocess.TimeoutExpired:
            ending = f"took longer than {TIMEOUT} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0:
        raise CloudError(f"`cdk {arguments[0]}` {ending}; {log_end(log_path)}")


def _environment(cloud: Cloud) -> dict[str, str]:
    environment = cloud.environment | {
        "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "JSII_NODE": str(node()),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "1",
        # The tests validate every template; here it would double the time of a synth.
        "CDK_VALIDATION": "false",
    }
    # Synth imports 128 modules of jsii: without their bytecode it takes twice as long.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
