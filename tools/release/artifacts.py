"""Build the distributions of Python, the packages of npm, and the templates of CloudFormation."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.release.commands import run
from tools.release.templates import Templates, write_templates


@dataclass(frozen=True)
class Artifacts:
    """Files of a release."""

    constructs: Path
    """Wheel of wideload-cdk."""
    client: Path
    """Wheel of wideload."""
    client_source: Path
    ingest: Path
    uploader: Path
    uppy: Path
    templates: Templates

    @property
    def python(self) -> list[Path]:
        """Distributions for PyPI."""
        return [self.constructs, self.client, self.client_source]

    @property
    def all(self) -> list[Path]:
        """All files, in the order of building."""
        return [*self.python, self.ingest, self.uploader, self.uppy, *self.templates.all]


def build(root: Path, folder: Path, version: str) -> Artifacts:
    """Build everything into an empty `folder`.

    wideload-cdk has no source distribution: the functions' code and the page in its wheel are built
    by make.

    Raises:
        CommandError: A build failed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run("hatchling", "build", "--target", "wheel", "--directory", folder, cwd=root)
    run("hatchling", "build", "--directory", folder, cwd=root / "client")
    for name in ("ingest", "uploader", "uppy"):
        run(
            "npm",
            "pack",
            "--silent",
            "--pack-destination",
            folder,
            cwd=root / "web/packages" / name,
        )
    return Artifacts(
        constructs=_only(folder, "wideload_cdk-*.whl"),
        client=_only(folder, "wideload-*.whl"),
        client_source=_only(folder, "wideload-*.tar.gz"),
        ingest=_only(folder, "wideload-ingest-*.tgz"),
        uploader=_only(folder, "wideload-uploader-*.tgz"),
        uppy=_only(folder, "wideload-uppy-*.tgz"),
        templates=write_templates(folder, root / "src/wideload_cdk/_lambda/arm64.zip", version),
    )


def check_metadata(built: Artifacts) -> None:
    """Check what the package index will show.

    Raises:
        CommandError: The metadata or a description is wrong.
    """
    twine = Path(".local/release/bin/twine").resolve()
    run(twine, "check", "--strict", *built.python, cwd=built.client.parent)


def _only(folder: Path, pattern: str) -> Path:
    [found] = folder.glob(pattern)
    return found
