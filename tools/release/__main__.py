"""Build and try a release; `make release-check`. It publishes nothing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from tools.release import artifacts, sboms, versions
from tools.release.commands import CommandError
from tools.release.embedded import deploy_templates, run_on_this_machine
from tools.release.notes import release_notes
from tools.release.uses import deploy_app, send_from_javascript, send_payload, show_page

_ROOT = Path(__file__).parents[2]


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--tag", help="Tag of the release, such as v1.2.0.  [default: none yet]")
def cli(folder: Path, tag: str | None) -> None:
    """Build all artifacts into FOLDER, check them, and use each in an empty environment.

    The embedded cloud must be up: the client sends a payload to it.
    """
    try:
        version = versions.same_version(_ROOT)
        if tag not in (None, f"v{version}"):
            raise click.ClickException(f"The tag is {tag}, but the version is {version}.")
        _say("versions", f"{version} in {len(versions.PLACES)} files")
        notes = release_notes(_ROOT / "CHANGELOG.md", version if tag else None)
        built = artifacts.build(_ROOT, folder.resolve(), version)
        (folder / "notes.md").write_text(notes)
        _say("notes", f"{len(notes.splitlines())} lines of CHANGELOG.md")
        for path in built.all:
            _say("built", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB")
        artifacts.check_metadata(built)
        _say("twine", "metadata and descriptions can be shown")
        with tempfile.TemporaryDirectory() as scratch:
            app = deploy_app(_ROOT, built.constructs, Path(scratch) / "app")
            _say("constructs", f"installed; the README's app has {app.resources} resources")
            local = run_on_this_machine(_ROOT, built, Path(scratch) / "local")
            _say("local", f"installed; the app of the guide ran here, and its function {local}")
            sent = send_payload(built.client, Path(scratch) / "client")
            _say("client", f"installed; sent {sent.size:,} bytes {sent.via}, and read them back")
            count = deploy_templates(built.templates, sent.environment, Path(scratch) / "templates")
            _say("templates", f"deployed without the CDK, {count} resources; sent a call log")
            program = send_from_javascript(_ROOT, built.ingest, Path(scratch) / "javascript")
            _say("ingest", f"installed; sent {program.via} from Node.js, and read it back")
            page = show_page(_ROOT, built, Path(scratch) / "page")
            _say("npm", f"installed; a page of {page.size / 1e3:.0f} KB was built with them")
            for path in sboms.write(_ROOT, folder, app.environment, sent.environment, page.folder):
                _say("sbom", f"{path.name}, {sboms.count(path)} components")
    except (CommandError, ValueError) as error:
        sys.exit(f"error: {error}")


def _say(step: str, sentence: str) -> None:
    click.echo(f"{step:<12}{sentence}")


cli()
