"""Stacks beside those of the local environment: ingest with its canary, files with the verifier."""

from __future__ import annotations

import aws_cdk as cdk

from app import settings_from
from stacks.files_stack import FilesStack
from stacks.ingest_stack import IngestStack

NEVER_MEANWHILE = 24 * 60
"""Minutes between runs of the canary. Tests invoke it themselves."""


def main() -> None:
    """Synthesize them."""
    app = cdk.App()
    settings = settings_from(app)
    ingest = settings.replace(environment="canary", canary_minutes=NEVER_MEANWHILE)
    stack = IngestStack(app, settings=ingest)
    assert stack.canary is not None
    # The host names of the emulator's APIs don't resolve.
    path = f"_aws/execute-api/{stack.ingest.api.api_id}/$default"
    stack.canary.function.add_environment("WIDELOAD_API_URL", f"{settings.endpoint_url}/{path}")
    files = settings.replace(environment="verifying", verify_multipart=True, file_scan="events")
    FilesStack(app, settings=files)
    app.synth()


if __name__ == "__main__":
    main()
