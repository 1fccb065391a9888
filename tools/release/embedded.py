"""Run the app of `docs/guides/local.md` from the wheels, in an empty folder, on this machine."""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path

from local.ports import PORT_VARIABLE, free_port
from tools.release.artifacts import Artifacts
from tools.release.commands import CommandError, new_environment, run

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


def _code_of(page: Path, root: Path) -> list[str]:
    """The Python code of a page, with the files that it includes."""
    text = re.sub(
        r'^--8<-- "(.+)"$',
        lambda include: (root / include[1]).read_text(),
        page.read_text(),
        flags=re.MULTILINE,
    )
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
