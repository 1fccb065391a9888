"""File transfer with the verifier, as a stack of its own beside the others of a cloud."""

from __future__ import annotations

import aws_cdk as cdk

from app import settings_from
from stacks.files_stack import FilesStack


def main() -> None:
    """Synthesize it."""
    app = cdk.App()
    settings = settings_from(app).replace(environment="verifying", verify_multipart=True)
    FilesStack(app, settings=settings)
    app.synth()


if __name__ == "__main__":
    main()
