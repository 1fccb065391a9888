"""The stack that deploys file transfer."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CrossStackReferences, Duration, ReferenceStrength
from constructs import Construct

from stacks.service_stack import ServiceStack, days
from stacks.settings import Settings
from wideload_cdk import FileTransfer, PrivateNetwork


class FilesStack(ServiceStack):
    """`FileTransfer`, configured by the settings of one environment.

    `web_urls` are added to those of the settings: the address of the page that this app deploys.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        network: PrivateNetwork | None = None,
        web_urls: Sequence[str] = (),
    ) -> None:
        super().__init__(
            scope, service="files", description="Wideload file transfer", settings=settings
        )
        own_pool = settings.oidc_issuer is None
        self.files = FileTransfer(
            self,
            "Files",
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            client_id=settings.oidc_client_id,
            web_urls=[*web_urls, *settings.web_urls],
            mfa=settings.mfa,
            password_sign_in=own_pool and settings.password_sign_in,
            user_pool_web_acl_arn=settings.user_pool_web_acl_arn,
            sign_in_rate_limit=settings.sign_in_rate_limit,
            sign_in_domain_prefix=settings.sign_in_domain_prefix,
            mail_from=settings.mail_from,
            mail_identity_arn=settings.mail_identity_arn,
            endpoint_url=settings.endpoint_url if own_pool else None,
            url_ttl=Duration.minutes(settings.file_url_minutes),
            session_ttl=Duration.days(settings.upload_session_days),
            max_file_size=settings.max_file_size,
            quota_bytes=settings.file_quota_bytes,
            quota_files=settings.file_quota_files,
            max_open_uploads=settings.max_open_uploads,
            verify_multipart=settings.verify_multipart,
            scan="events" if settings.file_scan == "events" else settings.file_scan == "guardduty",
            scan_deadline=Duration.hours(settings.file_scan_hours),
            expiration=days(settings.file_expiration_days),
            infrequent_access_after=days(settings.file_infrequent_access_days),
            glacier_after=days(settings.file_glacier_days),
            domain_name=settings.files_domain,
            certificate=self.certificate(settings.files_certificate_arn),
            **self.service_options(network),
        )
        self.acknowledge_recovery(self.files.files_table)
        self.output("ApiUrl", self.files.api_url, "Base URL of the API")
        if self.files.domain_target:
            self.output("DomainTarget", self.files.domain_target, "Where its DNS name points")
        self.output("BucketName", self.files.bucket.bucket_name, "Files")
        self.output("TableName", self.files.files_table.table_name, "Files, uploads, usage")
        self.output("Issuer", self.files.issuer, "Whose tokens the API takes")
        self.output("ClientId", self.files.client_id, "Client that people sign in with")
        self._keep_exports()
        if self.files.user_pool is not None:
            self.output("UserPoolId", self.files.user_pool.user_pool_id, "The people")
        if self.files.sign_in_url is not None:
            self.output("SignInUrl", self.files.sign_in_url, "Base URL of the sign-in pages")

    def _keep_exports(self) -> None:
        """Keep the exports that the page's stack imports, whatever settings change (ADR 0042).

        CloudFormation refuses to delete an export while another stack imports it. So the API's own
        endpoint is exported even if a custom domain replaces it. User pool and client are deleted
        when an external issuer is set; references to them are weak, so that they can be.
        """
        for value in (
            self.files.api.api_endpoint,
            self.files.bucket.bucket_regional_domain_name,
            self.stack_id,
        ):
            self.export_value(value)
        for resource in (self.files.user_pool, self.files.user_pool_client):
            if resource is not None:
                CrossStackReferences.of(resource).produce(ReferenceStrength.WEAK)
