"""`WebContent`: the page's files in the bucket of a `WebApp`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_deployment as s3_deployment
from constructs import Construct

from wideload_cdk.files.construct import FileTransfer
from wideload_cdk.files.sign_in import origin_of
from wideload_cdk.shared.findings import acknowledge, of_standards
from wideload_cdk.web.construct import WebApp
from wideload_cdk.web.page import CONFIG, FRESH, INDEX, LASTING, built_page, narrowed_index


class WebContent(Construct):
    """Put the page and its configuration into the bucket of a `WebApp`.

    The page is built once for all deployments. A `config.json` beside it holds the API's URL and
    the sign-in endpoints, and a policy in `index.html` limits requests to their hosts. Files with
    a hash in their name are cached for a year and never deleted, so that open pages keep working;
    the other files are validated on each request.

    Args:
        app: Serves the page.
        files: The file transfer that the page uses. Its `web_urls` must contain the URL of `app`.
        page: Folder of your own page with an `index.html`. Default: the page in this package.

    Raises:
        FileNotFoundError: The package's page has not been built, and `page` is not given.
        ValueError: `index.html` has no `<head>`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        app: WebApp,
        files: FileTransfer,
        page: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        folder = Path(page) if page else built_page()
        config = {"api_url": files.api_url, **files.sign_in}
        options: dict[str, Any] = {
            "destination_bucket": app.bucket,
            "log_group": app.publisher_logs,
            # The CDK would grant the role far more than copying needs.
            "role": app.publisher_role.without_policy_updates(),
            "memory_limit": 512,
            # CloudFormation makes a replacement first and then deletes the old deployment, which
            # would delete the new files, too.
            "prune": False,
            "retain_on_delete": True,
        }
        lasting = s3_deployment.BucketDeployment(
            self,
            "Lasting",
            sources=[s3_deployment.Source.asset(str(folder), exclude=[INDEX, CONFIG, ".built"])],
            cache_control=[s3_deployment.CacheControl.from_string(LASTING)],
            **options,
        )
        fresh = s3_deployment.BucketDeployment(
            self,
            "Fresh",
            sources=[
                s3_deployment.Source.data(INDEX, narrowed_index(folder, connect_sources(files))),
                s3_deployment.Source.json_data(CONFIG, config),
            ],
            cache_control=[s3_deployment.CacheControl.from_string(FRESH)],
            distribution=app.distribution,
            distribution_paths=["/", f"/{INDEX}", f"/{CONFIG}"],
            **options,
        )
        # The files that the new index.html loads must be there before it.
        fresh.node.add_dependency(lasting)
        _acknowledge_copier(Stack.of(self))


def connect_sources(files: FileTransfer) -> list[str]:
    """Hosts to which the page sends requests: API, bucket and sign-in."""
    return [
        files.api_url,
        f"https://{files.bucket.bucket_regional_domain_name}",
        origin_of(files.sign_in_url or files.issuer),
    ]


def _acknowledge_copier(stack: Stack) -> None:
    """Accept the findings of rule packs in the CDK's own function for copying."""
    copier = next(
        child
        for child in stack.node.children
        if isinstance(child, lambda_.SingletonFunction | lambda_.Function)
        and child.node.id.startswith("Custom::CDKBucketDeployment")
    )
    runtime = "The CDK chooses the runtime of its copying function."
    answered = "CloudFormation waits for its answer, and fails the deployment when none comes."
    acknowledge(
        copier,
        {
            "AwsSolutions-L1": runtime,
            "Serverless-LambdaLatestVersion": runtime,
            "Serverless-LambdaDLQ": answered,
            "Serverless-LambdaTracing": "It runs at deployments alone, with logs of its own.",
            **of_standards(
                {
                    "LambdaDLQ": answered,
                    "LambdaConcurrency": "Deployments alone invoke it, once for each set of files.",
                    "LambdaInsideVPC": "It copies from one bucket to another, by S3's endpoints "
                    "alone.",
                }
            ),
        },
    )
