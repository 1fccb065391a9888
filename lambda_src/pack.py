"""Compile the code of `/var/task` and pack it into `/out/code.zip`: a program for `pack.mjs`.

It runs in Pyodide, whose one build of Python and zlib gives every machine the same bytes.
"""

from __future__ import annotations

import compileall
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

TASK = Path("/var/task")  # the folder of the code in Lambda, which tracebacks name


def pack() -> None:
    if not compileall.compile_dir(
        TASK, quiet=1, force=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    ):
        raise SystemExit("The modules named above could not be compiled.")
    with zipfile.ZipFile("/out/code.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(TASK.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(TASK)))  # of 1980, on each machine
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
