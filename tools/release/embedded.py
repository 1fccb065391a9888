"""Run what is released on the embedded cloud: the app of `docs/guides/local.md`, the templates."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import time
from pathlib import Path
from typing import Any

from local.cloud import Cloud
from local.outputs import invoke_url
from local.paths import FUNCTION_CODE
from local.ports import PORT_VARIABLE, free_port
from tools.release.artifacts import Artifacts
from tools.release.commands import CommandError, new_environment, run
from tools.release.templates import BUCKET, PREFIX, Templates

_PATIENCE = 120
"""Seconds until the function must have been called for the payload."""


def run_on_this_machine(root: Path, built: Artifacts, folder: Path) -> str:
    """Bring the guide's app up, send a call log, and return the words of the function's log.

    Raises:
        CommandError: It can't be installed or deployed, or the function wasn't called.
    """
    folder.mkdir()
    environment = new_environment(
        folder / "venv",
        f"wideload-cdk[local] @ {built.constructs.as_uri()}",
        f"wideload[cli] @ {built.client.as_uri()}",
    )
    app, handler = _code_of(root / "docs" / "guides" / "local.md", root)
    project = folder / "project"
    (project / "index").mkdir(parents=True)
    (project / "app.py").write_text(app)
    (project / "index" / "handler.py").write_text(handler)
    (project / "call.json").write_text('{"call_id": "c-1", "transcript_with_metrics": [1, 2]}')
    program = environment / "wideload-local"
    variables = {PORT_VARIABLE: str(free_port()), "XDG_CACHE_HOME": str(folder / "cache")}
    try:
        run(program, "up", "app.py", cwd=project, variables=variables)
        found = run(program, "env", cwd=project, variables=variables)
        client = dict(
            word.split("=", 1) for word in shlex.split(found.replace("export ", "")) if "=" in word
        )
        run(environment / "wideload", "send", "call.json", cwd=project, variables=client)
        stacks = json.loads((project / ".wideload" / "stack-outputs.json").read_text())
        name = stacks["Transfers"]["IndexFunction"]
        deadline = time.monotonic() + _PATIENCE
        while True:
            log = run(program, "logs", name, cwd=project, variables=variables)
            if said := re.search(r"has 2 records", log):
                return said[0]
            if time.monotonic() > deadline:
                raise CommandError(f"The guide's function wasn't called for the payload:\n{log}")
            time.sleep(1)
    finally:
        run(program, "down", cwd=project, variables=variables)


def deploy_templates(templates: Templates, client: Path, folder: Path) -> int:
    """Deploy the templates by CloudFormation alone, send a call log, and read it back.

    The code is that for this machine; the released one is for AWS's processors.

    Args:
        client: `bin` of an environment with the client.

    Returns:
        Resources of both stacks.

    Raises:
        CommandError: The call log wasn't stored.
    """
    folder.mkdir()
    code = shutil.make_archive(str(folder / "code"), "zip", FUNCTION_CODE)
    with Cloud(folder / "cloud", port=free_port()) as cloud:
        s3, formation = cloud.client("s3"), cloud.client("cloudformation")
        s3.create_bucket(Bucket="released")
        s3.upload_file(code, "released", f"wideload/{templates.code.name}")
        parameters = {BUCKET: "released", PREFIX: "wideload/"}
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
        count = 0
        for template in (templates.ingest, templates.files):
            name = template.name.partition(".")[0]
            body = _taken_by_the_emulator(json.loads(template.read_text()))
            formation.create_stack(
                StackName=name,
                TemplateBody=json.dumps(body),
                Parameters=given,
                Capabilities=["CAPABILITY_IAM"],
            )
            formation.get_waiter("stack_create_complete").wait(
                StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )
            count += len(body["Resources"])
        _send(cloud, client, folder)
    return count


def _taken_by_the_emulator(template: dict[str, Any]) -> dict[str, Any]:
    """A template without the look of the sign-in pages, which the emulator refuses."""
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::Cognito::ManagedLoginBranding"
    }
    return {**template, "Resources": resources}


def _send(cloud: Cloud, client: Path, folder: Path) -> None:
    [stack] = cloud.client("cloudformation").describe_stacks(StackName="wideload-ingest")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    command = ("wideload-keys", "create", "--json", "--table", outputs["KeysTableName"])
    key = json.loads(run(*command, "--tenant", "acme", cwd=folder, variables=cloud.environment))
    variables = {
        "WIDELOAD_URL": invoke_url(cloud, outputs["ApiUrl"]),
        "WIDELOAD_API_KEY": key["api_key"],
        "WIDELOAD_CA_BUNDLE": str(cloud.ca_bundle),
    }
    (folder / "call.json").write_text('{"call_id": "c-1"}')
    wideload = client / "wideload"
    sent = json.loads(run(wideload, "send", "--json", "call.json", cwd=folder, variables=variables))
    if sent["state"] != "stored":
        raise CommandError(f"The call log sent to the templates' stack is {sent['state']}.")


def _code_of(page: Path, root: Path) -> list[str]:
    """The Python code of a page, with the files that it includes."""
    text = re.sub(
        r'^--8<-- "(.+)"$',
        lambda include: (root / include[1]).read_text(),
        page.read_text(),
        flags=re.MULTILINE,
    )
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
