"""Change a synthesized app so that Wideload's functions run on the embedded cloud.

The app itself stays as it is for AWS: nothing in it asks where it is deployed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import CloudError

_STYLE = "WIDELOAD_S3_ADDRESSING_STYLE"
_RUNTIME = "wideload_runtime/__init__.py"
_ANYWHERE = "aws://unknown-account/unknown-region"


def adapt(assembly: Path, function_code: Path) -> None:
    """Change a cloud assembly in place.

    - Code of Wideload's functions, built for AWS's processors and Python, is replaced by
      `function_code`, under a name of its own.
    - Their presigned URLs name the bucket in the path: no name under `localhost` resolves for all
      programs.

    Raises:
        CloudError: A stack is for a certain account or region of AWS.
    """
    for manifest in assembly.rglob("manifest.json"):
        _refuse_fixed_environments(json.loads(manifest.read_text()))
    renamed = {
        archive.stem.removeprefix("asset."): _replace(archive, function_code)
        for archive in assembly.rglob("asset.*.zip")
        if _is_runtime(archive)
    }
    for path in _descriptions(assembly):
        text = path.read_text()
        for before, after in renamed.items():
            text = text.replace(before, after)
        if path.name.endswith(".template.json"):
            text = json.dumps(_with_path_style(json.loads(text)), indent=1)
        path.write_text(text)


def _descriptions(assembly: Path) -> Iterator[Path]:
    """Templates, lists of assets and manifests."""
    for pattern in ("*.template.json", "*.assets.json", "manifest.json"):
        yield from assembly.rglob(pattern)


def _is_runtime(archive: Path) -> bool:
    with zipfile.ZipFile(archive) as opened:
        return _RUNTIME in opened.namelist()


def _replace(archive: Path, function_code: Path) -> str:
    """Put `function_code` in an archive's place; return the hash in the new archive's name.

    Another name, since the CDK CLI publishes no asset of a name that is there already.
    """
    fresh = Path(shutil.make_archive(str(archive.with_suffix("")), "zip", function_code))
    with fresh.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    fresh.rename(fresh.with_name(f"asset.{digest}.zip"))
    return digest


def _with_path_style(template: dict[str, Any]) -> dict[str, Any]:
    for resource in template.get("Resources", {}).values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties = resource.get("Properties", {})
            variables = properties.get("Environment", {}).get("Variables", {})
            if _STYLE in variables:
                variables[_STYLE] = "path"
    return template


def _refuse_fixed_environments(manifest: dict[str, Any]) -> None:
    for name, artifact in manifest.get("artifacts", {}).items():
        where = artifact.get("environment", _ANYWHERE)
        if artifact.get("type") == "aws:cloudformation:stack" and where != _ANYWHERE:
            raise CloudError(
                f"the stack {name} is for {where}: leave out its env= on the embedded cloud, for "
                "example if the context env is local: app.node.try_get_context('env')"
            )
