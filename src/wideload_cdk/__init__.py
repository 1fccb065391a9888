"""AWS CDK constructs for payloads and files too large for API Gateway and Lambda."""

from __future__ import annotations

import inspect
import os
import shutil
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wideload_cdk.files.construct import FileTransfer
    from wideload_cdk.files.reference import IFileTransfer
    from wideload_cdk.ingest.canary import IngestCanary
    from wideload_cdk.ingest.construct import PayloadIngest
    from wideload_cdk.ingest.reference import IPayloadIngest
    from wideload_cdk.monitoring.construct import TransferMonitoring
    from wideload_cdk.private_network import PrivateNetwork
    from wideload_cdk.shared.bucket import TransferBucket
    from wideload_cdk.web.construct import WebApp
    from wideload_cdk.web.content import WebContent

__all__ = [
    "FileTransfer",
    "IFileTransfer",
    "IPayloadIngest",
    "IngestCanary",
    "PayloadIngest",
    "PrivateNetwork",
    "TransferBucket",
    "TransferMonitoring",
    "WebApp",
    "WebContent",
]

_MODULES = {
    "FileTransfer": "files.construct",
    "IFileTransfer": "files.reference",
    "IPayloadIngest": "ingest.reference",
    "IngestCanary": "ingest.canary",
    "PayloadIngest": "ingest.construct",
    "PrivateNetwork": "private_network",
    "TransferBucket": "shared.bucket",
    "TransferMonitoring": "monitoring.construct",
    "WebApp": "web.construct",
    "WebContent": "web.content",
}


# Not for type checkers, which would then accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a construct when it is first used.

        The operators' programs, which use none, so start without the CDK and Node.js.
        """
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        _check_node()
        construct = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        construct.__doc__ = _with_attributes(construct)
        globals()[name] = construct
        return construct

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


def _check_node() -> None:
    """Raise an error if there is no Node.js, of which the CDK's own message says nothing.

    Raises:
        ImportError: There is none.
    """
    program = os.environ.get("JSII_NODE", "node")
    if shutil.which(program) is None:
        raise ImportError(
            f"The AWS CDK needs Node.js, but there is no program {program!r}. Install Node.js 22 "
            "or newer, or set JSII_NODE to the path of its program."
        )


def _with_attributes(construct: type) -> str:
    """The docstring with the attributes of instances, of which `help` shows none."""
    kinds = {
        name: kind
        for base in construct.__mro__
        if base.__module__.startswith(f"{__name__}.")
        for name, kind in inspect.get_annotations(base).items()
        if not name.startswith("_")
    }
    lines = [f"    {name}: {kind}" for name, kind in sorted(kinds.items())]
    heading = ["", "", "Attributes:"] if lines else []
    return "\n".join([inspect.cleandoc(construct.__doc__ or ""), *heading, *lines])
