"""Print what has changed in an environment's templates since a release; `make diff`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import click

from tools.templates.snapshots import FOLDER, Template, mask, render

_NODE = Path(sys.executable).with_name("node")
_SUFFIX = ".template.json"


@click.command()
@click.argument("environment")
@click.argument("assembly", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--since", help="Commit or tag to compare with.  [default: the last release tag]")
def cli(environment: str, assembly: Path, since: str | None) -> None:
    """Compare ENVIRONMENT's templates in the folder ASSEMBLY with the snapshots of a release.

    Needs no AWS account. Prints Markdown: first a warning for each change that can lose data or
    opens something up, then what `cdk diff` would say of each stack. Hashes of assets are masked,
    so changes of the code alone are no difference.
    """
    tag = since or last_release()
    before = {
        f"wideload-{environment}-{service}": template
        for service, template in released(tag or "HEAD", environment).items()
    }
    after = {
        path.name.removesuffix(_SUFFIX): mask(json.loads(path.read_text()))
        for path in assembly.glob(f"*{_SUFFIX}")
    }
    if not after:
        raise click.ClickException(f"There is no template in {assembly}; run `make synth`.")
    if tag:
        click.echo(f"Compared with {tag}.\n")
    else:
        click.echo(
            "There is no release tag (v*) before this commit: compared with the snapshots of HEAD. "
            "If there are releases, run `git fetch --tags --unshallow`, or name a commit with "
            "SINCE=.\n"
        )
    click.echo(report(before, after))


def last_release() -> str | None:
    """The newest release tag before HEAD, if there is any."""
    found = _git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD")
    return found.stdout.decode().strip() if found.returncode == 0 else None


def released(commit: str, environment: str) -> dict[str, Template]:
    """The templates of an environment by service, from the snapshots of a commit."""
    found = _git("archive", "--format=tar", commit, "--", FOLDER)
    if found.returncode:
        raise click.ClickException(
            f"git can't read {FOLDER} of {commit!r}: {found.stderr.decode().strip()}\n"
            "Fetch the commit (git fetch --tags --unshallow), or name another with SINCE=."
        )
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        files = {
            member.name.removeprefix(f"{FOLDER}/"): json.load(content)
            for member in archive
            if (content := archive.extractfile(member))
        }
    return render(files, environment)


def report(before: dict[str, Template], after: dict[str, Template]) -> str:
    """The difference as Markdown. Templates are by the name of their stack."""
    stacks = {
        name: [before.get(name, {}), after.get(name, {})] for name in sorted({*before, *after})
    }
    done = subprocess.run(
        [str(_NODE), str(Path(__file__).with_name("diff.mjs"))],
        input=json.dumps(stacks),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], check=False, capture_output=True)


if __name__ == "__main__":
    cli(prog_name="python -m tools.templates")
