"""A pytest plugin: after the last test, the process in which the CDK runs is killed.

It would have removed the folders of its apps when it ended; a machine that is short of time or
memory doesn't let it.
"""

from __future__ import annotations

import psutil


def pytest_sessionfinish() -> None:
    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=10)
