"""The stacks that deploy the page: its bucket and distribution, and its content."""

from __future__ import annotations

from urllib.parse import urlsplit

from aws_cdk import Fn
from constructs import Construct

from stacks.service_stack import REPOSITORY, ServiceStack
from stacks.settings import Settings
from wideload_cdk import FileTransfer, WebApp, WebContent


class WebStack(ServiceStack):
    """`WebApp`, configured by the settings of one environment."""

    url: str
    """Origin of the page, which `FilesStack` adds to its `web_urls`."""

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(scope, service="web", description="Wideload web page", settings=settings)
        self.app = WebApp(
            self,
            "Web",
            connect_sources=_connect_sources(settings),
            domain_names=[settings.web_domain] if settings.web_domain else [],
            certificate=self.certificate(settings.web_certificate_arn),
            web_acl_id=settings.web_acl_arn,
            access_logs=settings.web_access_logs,
            log_retention=self.log_retention,
            removal_policy=self.removal_policy,
        )
        # The files stack imports it; the export must stay when a custom domain replaces it.
        domain_name = self.app.distribution.distribution_domain_name
        self.export_value(domain_name)
        self.url = (
            _emulated_address(settings.endpoint_url, domain_name)
            if settings.endpoint_url
            else self.app.url
        )
        self.output("Url", self.url, "Address of the page")
        if settings.web_domain:
            self.output("DomainTarget", domain_name, "Where its DNS name points")
        self.output("BucketName", self.app.bucket.bucket_name, "What is served")


def _connect_sources(settings: Settings) -> list[str]:
    """Origins that the page sends requests to, other than AWS's own in the region."""
    sources = [f"https://{settings.files_domain}"] if settings.files_domain else []
    return sources + [
        f"{url.scheme}://{url.netloc}"
        for url in map(urlsplit, filter(None, (settings.oidc_issuer, settings.endpoint_url)))
    ]


def _emulated_address(endpoint_url: str, domain_name: str) -> str:
    """Return the page's address on an emulator, which serves all distributions at one port."""
    label = Fn.select(0, Fn.split(".", domain_name))
    return f"https://{label}.cloudfront.localhost:{urlsplit(endpoint_url).port or 443}"


class WebContentStack(ServiceStack):
    """The page's content. It holds the API's address, so it is deployed after the files stack."""

    def __init__(
        self, scope: Construct, *, settings: Settings, app: WebApp, files: FileTransfer
    ) -> None:
        super().__init__(
            scope,
            service="web-content",
            description="Wideload web page: its content",
            settings=settings,
        )
        WebContent(
            self,
            "Content",
            app=app,
            files=files,
            page=str(REPOSITORY / settings.page) if settings.page else None,
        )
