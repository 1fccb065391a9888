"""Payload ingest with its canary, as a stack of its own beside the others of a cloud."""

from __future__ import annotations

import aws_cdk as cdk

from app import settings_from
from stacks.ingest_stack import IngestStack

NEVER_MEANWHILE = 24 * 60
"""Minutes: when the canary runs, a test says."""


def main() -> None:
    """Synthesize it."""
    app = cdk.App()
    settings = settings_from(app).replace(environment="canary", canary_minutes=NEVER_MEANWHILE)
    stack = IngestStack(app, settings=settings)
    assert stack.canary is not None
    # The host names of the emulator's APIs don't resolve.
    path = f"_aws/execute-api/{stack.ingest.api.api_id}/$default"
    stack.canary.function.add_environment("WIDELOAD_API_URL", f"{settings.endpoint_url}/{path}")
    app.synth()


if __name__ == "__main__":
    main()
