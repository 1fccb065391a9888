"""Settings of this repository's deployments: one frozen `Settings` per environment."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import pydantic

from stacks import setting_conflicts as conflicts
from stacks import setting_formats as own_formats
from stacks.setting_model import SettingModel
from wideload_cdk.shared import formats, limits


class Settings(SettingModel):
    """Settings of one environment. Every field can be overridden by `-c field=value`.

    Raises:
        ValueError: A value or a name is not allowed; one line for each says what is.
    """

    environment: Annotated[str, own_formats.ENVIRONMENT]
    """Name of the environment, in stack names and in the metrics' dimension."""

    account: Annotated[str | None, own_formats.ACCOUNT] = None
    """AWS account to deploy to; needs `region`. Default: the account of the credentials."""

    region: Annotated[str | None, own_formats.REGION] = None
    """AWS region to deploy to; needs `account`. Default: the region of the credentials' profile."""

    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Processor of the functions."""

    tags: Annotated[tuple[str, ...], own_formats.TAG] = ()
    """Tags for every resource, such as `cost-center=42`, in addition to `application`, `service`
    and `environment`. AWS splits bills by tags that are activated as cost allocation tags."""

    kms: bool = False
    """Whether customer managed KMS keys, one per stack, encrypt the buckets, tables, queues and
    logs of ingest and files. S3's access logs stay encrypted by S3's own keys. Don't switch it off
    again: stored data stays encrypted by the key, which the functions then may not use. Default:
    keys that the services own, which cost nothing."""

    private_network: bool = False
    """Whether the functions of ingest and files run in a VPC created by this app that has no
    route to the internet, and reach AWS through VPC endpoints. AWS allows five VPCs in a region.
    The embedded cloud creates no VPC."""

    tracing: bool = True
    """Whether functions send traces to X-Ray, which bills by the trace."""

    lambda_code: Annotated[str | None, own_formats.FOLDER] = None
    """Folder with built Lambda code, relative to the repository. Default: the code that
    `make build` put into `wideload_cdk`."""

    api_key_header: Annotated[str, formats.HEADER_NAME] = "x-api-key"
    """Header that carries the API key."""

    ingest_cors_origins: Annotated[tuple[str, ...], formats.ORIGIN] = ()
    """Origins whose pages may call the ingest API and its bucket. Everyone who opens such a page
    can read its key. Default: none."""

    ingest_domain: Annotated[str | None, own_formats.HOST_NAME] = None
    """Host name of the ingest API; needs `ingest_certificate_arn`, and a DNS record that points to
    the output `DomainTarget`. Default: a host name of API Gateway."""

    ingest_certificate_arn: Annotated[str | None, own_formats.CERTIFICATE_ARN] = None
    """ARN of the certificate for `ingest_domain`."""

    upload_url_minutes: Annotated[int, limits.URL_MINUTES] = 15
    """Minutes for which an upload URL of ingest is valid."""

    unclaimed_delay_seconds: Annotated[int, limits.UNCLAIMED_DELAY_SECONDS] = 60
    """Seconds after which the worker processes an upload that its client has not claimed."""

    in_request_limit: Annotated[int, limits.IN_REQUEST_BYTES] = 25_000_000
    """Size of the largest uploaded object that is processed in the request that claims it. Larger
    objects are queued."""

    records_field: Annotated[str, formats.RECORDS_FIELD] = "transcript_with_metrics"
    """Top-level array of a payload whose elements can be read in pages."""

    transit_days: Annotated[int, limits.TRANSIT_DAYS] = 7
    """Days after which uploads are deleted from the transit prefix."""

    retention_days: Annotated[int | None, limits.RETENTION_DAYS] = None
    """Days for which payloads (items and documents) are kept. A change applies to payloads that are
    finished after it, not to stored ones. Default: they are never deleted."""

    archive_infrequent_access_days: Annotated[int | None, limits.INFREQUENT_ACCESS_DAYS] = None
    """Days after which kept documents move to S3 Standard-IA. Default: never."""

    archive_glacier_days: Annotated[int | None, limits.GLACIER_DAYS] = None
    """Days after which kept documents move to S3 Glacier Instant Retrieval; at least 30 more than
    `archive_infrequent_access_days`, if that is given. Default: never."""

    canary_minutes: Annotated[int | None, limits.CANARY_MINUTES] = None
    """Interval of a canary that sends a small and a large payload and reads them back, in minutes.
    Default: no canary."""

    files_domain: Annotated[str | None, own_formats.HOST_NAME] = None
    """Host name of the files API; needs `files_certificate_arn`, and a DNS record that points to
    the output `DomainTarget`. Default: a host name of API Gateway."""

    files_certificate_arn: Annotated[str | None, own_formats.CERTIFICATE_ARN] = None
    """ARN of the certificate for `files_domain`."""

    file_url_minutes: Annotated[int, limits.URL_MINUTES] = 60
    """Minutes for which a URL for an upload, a part or a download of a file is valid."""

    upload_session_days: Annotated[int, limits.UPLOAD_SESSION_DAYS] = 7
    """Days within which the upload of a file can be resumed and must be completed."""

    max_file_size: Annotated[int, limits.FILE_BYTES] = limits.FILE_BYTES.most
    """Size of the largest file. Over 10 TiB, raise `file_quota_bytes` too."""

    file_quota_bytes: Annotated[int | None, limits.QUOTA_BYTES] = 10 * 2**40
    """Bytes that one user may store. Empty: no limit."""

    file_quota_files: Annotated[int | None, limits.QUOTA_FILES] = 100_000
    """Files that one user may store. Empty: no limit."""

    max_open_uploads: Annotated[int, limits.OPEN_UPLOADS] = 100
    """Uploads that one user may have open at once."""

    verify_multipart: bool | None = None
    """Whether files uploaded in parts are read once more to check the SHA-256 of the whole. Empty:
    those of up to 32 GiB, which take less than the 15 minutes of a function."""

    file_scan: Literal["off", "guardduty", "events"] = "off"
    """Malware scanner. New files can't be downloaded until it finds them clean. `guardduty` makes
    a GuardDuty Malware Protection plan, which AWS bills by objects and bytes; `events` is for a
    scanner that publishes its results as events."""

    file_scan_hours: Annotated[int, limits.SCAN_HOURS] = 6
    """Hours after which a file that no scanner has judged raises an alarm."""

    file_expiration_days: Annotated[int | None, limits.RETENTION_DAYS] = None
    """Days after which files are deleted. A change applies to files that are uploaded after it, not
    to stored ones. Default: never."""

    file_infrequent_access_days: Annotated[int | None, limits.INFREQUENT_ACCESS_DAYS] = None
    """Days after which files move to S3 Standard-IA. Default: never."""

    file_glacier_days: Annotated[int | None, limits.GLACIER_DAYS] = None
    """Days after which files move to S3 Glacier Instant Retrieval; at least 30 more than
    `file_infrequent_access_days`, if that is given. Default: never."""

    web_urls: Annotated[tuple[str, ...], formats.PAGE_URL] = ()
    """Further pages through which users transfer files. Default: only the page that this app
    deploys."""

    web: bool = True
    """Whether this app deploys the page for file transfer."""

    web_domain: Annotated[str | None, own_formats.HOST_NAME] = None
    """Host name of that page; needs `web_certificate_arn`, and a DNS record that points to the
    output `DomainTarget`. Default: a host name of CloudFront."""

    web_certificate_arn: Annotated[str | None, own_formats.CLOUDFRONT_CERTIFICATE_ARN] = None
    """ARN of the certificate for `web_domain`."""

    web_acl_arn: Annotated[str | None, own_formats.CLOUDFRONT_WEB_ACL_ARN] = None
    """ARN of a WAF web ACL for that page. Default: no firewall."""

    web_access_logs: bool = True
    """Whether CloudFront logs requests for the page. It delivers no logs to opt-in regions; to
    deploy the page there, set this to `false`."""

    page: Annotated[str | None, own_formats.FOLDER] = None
    """Folder with a built page, relative to the repository. Default: the page that `make build`
    put into `wideload_cdk`."""

    publish_page: bool = True
    """Whether the stacks copy the page into its bucket. The embedded cloud doesn't support that."""

    mfa: Literal["off", "optional", "required"] = "optional"
    """Whether users also enter a code from an authenticator app when they sign in."""

    sign_in_domain_prefix: Annotated[str | None, formats.DOMAIN_PREFIX] = None
    """First part of the sign-in pages' host name. Default: a unique one."""

    oidc_issuer: Annotated[str | None, formats.ISSUER] = None
    """OpenID Connect issuer whose tokens give access to files; needs `oidc_audience`. Default: a
    user pool made here."""

    oidc_audience: Annotated[str | None, formats.AUDIENCE] = None
    """Value that the claim `aud` of those tokens must have; given with `oidc_issuer`."""

    oidc_client_id: Annotated[str | None, formats.CLIENT_ID] = None
    """Client id with which users sign in at `oidc_issuer`. Default: `oidc_audience`."""

    password_sign_in: bool = False
    """Whether programs may sign in with only a user name and password (`USER_PASSWORD_AUTH`), for
    tests."""

    user_pool_web_acl_arn: Annotated[str | None, own_formats.REGIONAL_WEB_ACL_ARN] = None
    """ARN of a WAF web ACL that guards the user pool. Default: no firewall."""

    sign_in_rate_limit: Annotated[int | None, limits.SIGN_IN_RATE_LIMIT] = None
    """Requests to the user pool from one address in five minutes; a web ACL made here blocks more.
    Default: no firewall."""

    mail_from: Annotated[str | None, formats.MAIL_SENDER] = None
    """Sender of the user pool's messages through Amazon SES; needs `mail_identity_arn`. The first
    deployment creates a service-linked role for it (`iam:CreateServiceLinkedRole`), and the account
    must be out of the SES sandbox. Default: Cognito's own address, which sends 50 messages a day,
    some with Cognito's own text."""

    mail_identity_arn: Annotated[str | None, formats.SES_IDENTITY_ARN] = None
    """ARN of the verified SES identity of `mail_from`: the address or its domain."""

    rate_limit: Annotated[int, limits.RATE_LIMIT] = 100
    """Requests per second that each API accepts. AWS allows an account 10,000 in a region until
    the quota is raised."""

    burst_limit: Annotated[int, limits.BURST_LIMIT] = 200
    """Requests that each API accepts at once. AWS allows an account 5,000 in a region, and more
    together with a higher rate."""

    worker_max_concurrency: Annotated[int, limits.WORKER_CONCURRENCY] = 10
    """Queued payloads processed at once."""

    api_reserved_concurrency: Annotated[int | None, limits.RESERVED_CONCURRENCY] = None
    """Concurrency reserved for each API's function, which is also its maximum. Default: none; it
    shares the account's unreserved concurrency."""

    worker_reserved_concurrency: Annotated[int | None, limits.WORKER_RESERVED_CONCURRENCY] = None
    """The same for the worker; at least `worker_max_concurrency`."""

    monitoring: bool = True
    """Whether to create alarms and a dashboard. The embedded cloud doesn't support most of them."""

    alarm_emails: Annotated[tuple[str, ...], own_formats.EMAIL_ADDRESS] = ()
    """Addresses that receive alarms; AWS asks each for consent."""

    runbook: Annotated[str, own_formats.RUNBOOK] = "docs/runbook.md"
    """Path or address of the runbook that the alarms link to."""

    account_concurrency: Annotated[int | None, limits.ACCOUNT_CONCURRENCY] = 1_000
    """Concurrency quota of the account in the region; new accounts have less than the default. An
    alarm goes off at 80 %. Empty: no alarm."""

    bucket_metrics: bool = True
    """Whether S3 counts requests and errors, about $5 a month and bucket, with an alarm on
    errors."""

    compliance_packs: bool = False
    """Whether synthesis also checks the rules of NIST 800-53, HIPAA and PCI DSS."""

    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """Lowest level that the functions log; metrics are kept at any. At WARN, refused requests and
    runs of a sweep are missing from the runbook's queries; at ERROR, failed payloads too."""

    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653] = 30
    """Days for which logs are kept."""

    point_in_time_recovery: bool = True
    """Whether the tables can be restored to any second of the last 35 days."""

    deletion_protection: bool = True
    """Whether tables and user pool, and the stacks as a whole, refuse to be deleted."""

    retain: bool = True
    """Whether buckets, tables, user pool, logs and the keys of `kms` are kept when their stacks are
    deleted."""

    s3_addressing_style: Literal["virtual", "path"] = "virtual"
    """Position of the bucket's name in URLs: in the host name, as AWS recommends, or in the path,
    as the embedded cloud requires."""

    endpoint_url: Annotated[str | None, formats.ENDPOINT_URL] = None
    """Endpoint of an emulator of AWS. Default: AWS."""

    @pydantic.model_validator(mode="after")
    def _check_together(self) -> Self:
        for name, other in (
            ("account", "region"),
            ("ingest_domain", "ingest_certificate_arn"),
            ("files_domain", "files_certificate_arn"),
            ("web_domain", "web_certificate_arn"),
            ("oidc_issuer", "oidc_audience"),
            ("mail_from", "mail_identity_arn"),
        ):
            conflicts.check_pair(name, getattr(self, name), other, getattr(self, other))
        conflicts.check_sign_in(
            oidc_issuer=self.oidc_issuer,
            oidc_client_id=self.oidc_client_id,
            user_pool_web_acl_arn=self.user_pool_web_acl_arn,
            mail_from=self.mail_from,
            sign_in_rate_limit=self.sign_in_rate_limit,
        )
        conflicts.check_concurrency(
            api_reserved=self.api_reserved_concurrency,
            worker_reserved=self.worker_reserved_concurrency,
            worker_max=self.worker_max_concurrency,
            account=self.account_concurrency,
        )
        return self

    @classmethod
    def for_environment(cls, name: str, overrides: Mapping[str, str] | None = None) -> Settings:
        """The settings of environment `name`, with `overrides` (field to text) applied.

        Raises:
            ValueError: No such environment or field, or a value that isn't allowed.
        """
        if name not in ENVIRONMENTS:
            raise ValueError(
                f"There is no environment {name!r}; give one of: {', '.join(ENVIRONMENTS)}."
            )
        if "environment" in (overrides or {}):
            raise ValueError(
                "environment can't be overridden; choose an environment by `-c env=NAME`."
            )
        return ENVIRONMENTS[name].replace(**(overrides or {}))


_DISPOSABLE = Settings(
    environment="dev",
    log_retention_days=14,
    point_in_time_recovery=False,
    deletion_protection=False,
    retain=False,
    bucket_metrics=False,
)

ENVIRONMENTS: Mapping[str, Settings] = types.MappingProxyType(
    {
        "dev": _DISPOSABLE,
        # As prod, but it can be destroyed and deployed again.
        "staging": Settings(environment="staging", deletion_protection=False, retain=False),
        "prod": Settings(
            environment="prod",
            log_retention_days=365,
            rate_limit=1_000,
            burst_limit=2_000,
            worker_max_concurrency=50,
            api_reserved_concurrency=200,
            worker_reserved_concurrency=50,
            compliance_packs=True,
        ),
        # The embedded cloud on the developer's machine.
        "local": _DISPOSABLE.replace(
            environment="local",
            lambda_code=".local/lambda",
            # Each worker is a process of the developer's machine.
            worker_max_concurrency=3,
            # So that tests don't wait for a minute.
            unclaimed_delay_seconds=2,
            s3_addressing_style="path",
            # `local` overrides the port.
            endpoint_url="https://localhost:4566",
            # So that scripts get tokens without a browser.
            password_sign_in=True,
            # `local` puts the page there instead.
            publish_page=False,
            monitoring=False,
        ),
    }
)
"""Settings of each environment unless overridden."""

DEPLOYED = tuple(name for name in ENVIRONMENTS if name != "local")
"""Environments that are deployed to AWS."""
