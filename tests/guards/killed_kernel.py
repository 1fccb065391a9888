"""A pytest plugin that kills the Node.js process of the CDK after the last test.

The process removes the folders of its apps when it exits; on a machine short of time or memory it
is killed before.
"""

from __future__ import annotations

import psutil


def pytest_sessionfinish() -> None:
    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=10)
