"""CDK app of one environment: `-c env=NAME` chooses it, `-c field=value` overrides a setting."""

import aws_cdk as cdk
from cdk_nag import (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)

from stacks.files_stack import FilesStack
from stacks.ingest_stack import IngestStack
from stacks.monitoring_stack import MonitoringStack
from stacks.network_stack import NetworkStack
from stacks.settings import Settings
from stacks.web_stack import WebContentStack, WebStack

# Names of the CDK's own context values that look like settings; its other names contain ":" or
# "/".
CDK_CONTEXT = {"cli-telemetry", "acknowledged-issue-numbers"}


def settings_from(app: cdk.App) -> Settings:
    """Settings of the environment `env` (default: dev); every other name overrides a field."""
    overrides = {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in app.node.get_all_context().items()
        if name not in CDK_CONTEXT and not {":", "/"} & set(name)
    }
    return Settings.for_environment(overrides.pop("env", "dev"), overrides)


def build(app: cdk.App) -> None:
    """Add the stacks of one environment, and the rule packs that check them."""
    settings = settings_from(app)
    network = NetworkStack(app, settings=settings).network if settings.private_network else None
    ingest = IngestStack(app, settings=settings, network=network)
    # The files API needs the page's origin, and the page's content the address of that API.
    web = WebStack(app, settings=settings) if settings.web else None
    files = FilesStack(app, settings=settings, network=network, web_urls=[web.url] if web else [])
    if web and settings.publish_page:
        WebContentStack(app, settings=settings, app=web.app, files=files.files)
    if settings.monitoring:
        MonitoringStack(
            app,
            settings=settings,
            ingest=ingest.ingest,
            canary=ingest.canary,
            files=files.files,
        )
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    if settings.compliance_packs:
        cdk.Validations.of(app).add_plugins(
            NIST80053R5Checks(app), HIPAASecurityChecks(app), PCIDSS321Checks(app)
        )


def main(app: cdk.App) -> None:
    """Synthesize the environment that the app's context chooses."""
    try:
        build(app)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"error: {error}") from None
    app.synth()


if __name__ == "__main__":
    main(cdk.App())
