"""Use each artifact in an empty environment, as its users will."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.outputs import Outputs, client_variables
from local.paths import LOCAL, node
from tools.release.artifacts import Artifacts
from tools.release.commands import CommandError, new_environment, run


@dataclass(frozen=True)
class App:
    environment: Path
    """`bin` of the environment that synthesized it."""
    resources: int


@dataclass(frozen=True)
class Sent:
    environment: Path
    size: int
    via: str


@dataclass(frozen=True)
class SentFromJavaScript:
    via: str
    records: int
    """Records that were read back."""


@dataclass(frozen=True)
class Page:
    folder: Path
    size: int
    """Bytes of its scripts."""


def deploy_app(root: Path, wheel: Path, folder: Path) -> App:
    """Synthesize the README's app from the wheel.

    Raises:
        CommandError: It can't be installed or synthesized, or has no resources.
    """
    folder.mkdir()
    environment = new_environment(folder / "venv", str(wheel))
    [program] = [
        code
        for code in re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
        if "app.synth()" in code
    ]
    (folder / "app.py").write_text(program)
    variables = {"CDK_OUTDIR": str(folder / "out"), "JSII_NODE": str(node())}
    run(environment / "python", "app.py", cwd=folder, variables=variables)
    [template] = (folder / "out").glob("*.template.json")
    resources = json.loads(template.read_text())["Resources"]
    if not resources:
        raise CommandError(f"The template of the README's app is empty: {template}")
    return App(environment, len(resources))


def send_payload(wheel: Path, folder: Path) -> Sent:
    """Send a call log to the embedded cloud with the installed command, and read it back.

    Raises:
        CommandError: It failed, or another document came back.
    """
    folder.mkdir()
    environment = new_environment(folder / "venv", f"wideload[cli] @ {wheel.as_uri()}")
    outputs: Outputs = json.loads((LOCAL / "outputs.json").read_text())
    variables = client_variables(outputs)
    turns = [{"turn_id": str(number), "words": "x" * 200} for number in range(2_000)]
    document = json.dumps({"call_id": "release", "transcript_with_metrics": turns}).encode()
    (folder / "call.json").write_bytes(document)
    command = environment / "wideload"
    answer = run(command, "send", "--json", "call.json", cwd=folder, variables=variables)
    sent = json.loads(answer)
    payload_id = sent["payload_id"]
    run(command, "get", payload_id, "--document", "-o", "back", cwd=folder, variables=variables)
    run(command, "delete", "--yes", payload_id, cwd=folder, variables=variables)
    if (folder / "back").read_bytes() != document:
        raise CommandError(f"Another document came back as {payload_id} than was sent.")
    return Sent(environment, len(document), str(sent["via"]))


def send_from_javascript(root: Path, package: Path, folder: Path) -> SentFromJavaScript:
    """Send a call log to the embedded cloud from Node.js, by `examples/javascript`.

    Raises:
        CommandError: The package can't be installed, or sending or reading back failed.
    """
    shutil.copytree(root / "examples" / "javascript", folder)
    outputs: Outputs = json.loads((LOCAL / "outputs.json").read_text())
    variables = {**client_variables(outputs), "NODE_EXTRA_CA_CERTS": outputs["ca_bundle"]}
    run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", package, cwd=folder)
    printed = run(node(), "send.js", cwd=folder, variables=variables).splitlines()
    payload_id, state, via = printed[0].split()
    if state != "stored" or len(printed) != 2:
        raise CommandError(f"Payload {payload_id} is {state}, with {len(printed) - 1} records.")
    return SentFromJavaScript(via, len(printed) - 1)


def show_page(root: Path, built: Artifacts, folder: Path) -> Page:
    """Build the page of `examples/own_page` with the packages.

    Raises:
        CommandError: They can't be installed, or the page can't be built.
    """
    shutil.copytree(
        root / "examples" / "own_page", folder, ignore=shutil.ignore_patterns("node_modules")
    )
    manifest = json.loads((folder / "package.json").read_text())
    manifest["version"] = "0.0.0"
    manifest["dependencies"]["@wideload/uppy"] = built.uppy.as_uri()
    # Only for the bill of materials, which is that of the packages installed here.
    manifest["dependencies"]["@wideload/ingest"] = built.ingest.as_uri()
    # Instead of the one that the registry has.
    manifest["overrides"] = {"@wideload/uploader": built.uploader.as_uri()}
    (folder / "package.json").write_text(json.dumps(manifest))
    run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)
    run("npx", "--no-install", "vite", "build", "--logLevel=error", cwd=folder)
    scripts = list((folder / "dist").rglob("*.js"))
    if not any("wideload" in script.read_text() for script in scripts):
        raise CommandError("The built page holds no code of the packages.")
    return Page(folder, sum(script.stat().st_size for script in scripts))
