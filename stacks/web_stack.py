"""The stacks that deploy the page: where it is served from, and what is served."""

from __future__ import annotations

from urllib.parse import urlsplit

from aws_cdk import Fn
from aws_cdk import aws_certificatemanager as acm
from constructs import Construct

from stacks.service_stack import REPOSITORY, ServiceStack
from stacks.settings import Settings
from wideload_cdk import FileTransfer, WebApp, WebContent


class WebStack(ServiceStack):
    """`WebApp` as the settings of one environment want it. File transfer trusts its `url`."""

    url: str
    """Origin of the page."""

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(scope, service="web", description="Wideload web page", settings=settings)
        self.app = WebApp(
            self,
            "Web",
            connect_sources=_connect_sources(settings),
            domain_names=[settings.web_domain] if settings.web_domain else [],
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", settings.web_certificate_arn
            )
            if settings.web_certificate_arn
            else None,
            web_acl_id=settings.web_acl_arn,
            access_logs=settings.web_access_logs,
            log_retention=self.log_retention,
            removal_policy=self.removal_policy,
        )
        # Imported by file transfer, and not to be taken away when a domain of one's own is set.
        self.export_value(self.app.distribution.distribution_domain_name)
        self.url = (
            _address_on(settings.endpoint_url, self.app) if settings.endpoint_url else self.app.url
        )
        self.output("Url", self.url, "Address of the page")
        if settings.web_domain:
            target = self.app.distribution.distribution_domain_name
            self.output("DomainTarget", target, "Where its DNS name points")
        self.output("BucketName", self.app.bucket.bucket_name, "What is served")


def _connect_sources(settings: Settings) -> list[str]:
    """Where the page sends requests that isn't AWS's own in the region."""
    sources = [f"https://{settings.files_domain}"] if settings.files_domain else []
    return sources + [
        f"{url.scheme}://{url.netloc}"
        for url in map(urlsplit, filter(None, (settings.oidc_issuer, settings.endpoint_url)))
    ]


def _address_on(endpoint_url: str, app: WebApp) -> str:
    """The page's address on an emulator, which answers for CloudFront at one port."""
    label = Fn.select(0, Fn.split(".", app.distribution.distribution_domain_name))
    return f"https://{label}.cloudfront.localhost:{urlsplit(endpoint_url).port or 443}"


class WebContentStack(ServiceStack):
    """The page itself, which knows the API: so this comes last."""

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
