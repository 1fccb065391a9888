"""Copy the pages of `docs/`, with the files of the repository that they link to."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

_LINK = re.compile(r"\[([^][]*)\]\(([^()\s#]+)(#[^()\s]*)?\)")
_EXTRA = {"CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md"}
_SCRIPT = "javascripts/mermaid.min.js"
_FILES = "repository"
"""Folder of the site that holds linked files which are no pages."""


def copy_pages(root: Path, folder: Path) -> None:
    """Copy `docs/` of the repository `root` to `folder`, as pages whose links work there.

    A link to a file outside `docs/` points at a copy of that file, a link to a folder becomes its
    path. Pages with diagrams load `javascripts/mermaid.min.js`. `CHANGELOG.md` and
    `CONTRIBUTING.md` are pages, too.

    Raises:
        FileNotFoundError: A page links to a file that doesn't exist.
    """
    docs = root / "docs"
    shutil.copytree(docs, folder)
    places = {docs / path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    for name, page in _EXTRA.items():
        places[root / name] = folder / page
    for source, place in list(places.items()):
        if source.suffix == ".md":
            text = _with_links(source, place, places, root, folder)
            if "```mermaid" in text:
                # Only there, as it is large. Without it the theme would ask another host for it.
                script = os.path.relpath(folder / _SCRIPT, place.parent)
                text += f'\n<script src="{script}"></script>\n'
            place.write_text(text)


def _with_links(
    source: Path, place: Path, places: dict[Path, Path], root: Path, folder: Path
) -> str:
    docs = root / "docs"

    def replace(link: re.Match[str]) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        if ":" in target:
            return link[0]
        linked = (source.parent / target).resolve()
        if source.is_relative_to(docs) and linked.is_relative_to(docs):
            return link[0]  # the build of the site checks it
        if linked.is_dir():
            return f"{text} (`{linked.relative_to(root)}`)"
        if linked not in places:
            copy = folder / _FILES / linked.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(linked, copy)
            places[linked] = copy
        return f"[{text}]({os.path.relpath(places[linked], place.parent)}{anchor})"

    return _LINK.sub(replace, source.read_text())
