"""Settings of this repository's deployments: one frozen `Settings` per environment."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from stacks.setting_values import check, parse

LEFT_UNRESERVED = 100
"""Of an account's concurrency, which no function can set aside.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What one environment deploys. Every field can be overridden by `-c field=value`.

    Raises:
        ValueError: A value is not allowed; the message names the field and what is.
    """

    environment: str
    """Name of the environment, in stack names and in the metrics' dimension. 1 to 20 of
    a-z, 0-9 and hyphens."""

    account: str | None = None
    """AWS account to deploy to, 12 digits. Default: that of the credentials."""

    region: str | None = None
    """AWS region to deploy to. Default: that of the credentials' profile."""

    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Processor of the functions."""

    tags: tuple[str, ...] = ()
    """Tags for all that is deployed, as `cost-center=42`; several are separated by commas. They
    come besides `application`, `service` and `environment`. AWS's bills are split by those that
    are activated as cost allocation tags."""

    kms: bool = False
    """Whether customer managed KMS keys, one per stack, encrypt what ingest and files store, queue
    and log, but for S3's access logs, which S3 writes under its own. What was encrypted stays so:
    switched off again, what is stored can't be read. Default: keys that the services own, which
    cost nothing."""

    private_network: bool = False
    """Whether the functions of ingest and files run in a network of their own that has no way to
    the internet, and reach AWS by VPC endpoints. AWS allows five VPCs in a region; the embedded
    cloud makes none."""

    tracing: bool = True
    """Whether functions send traces to X-Ray, which are paid by the trace."""

    lambda_code: str | None = None
    """Folder with built Lambda code, relative to the repository. Default: the code that
    `make build` put into `wideload_cdk`."""

    api_key_header: str = "x-api-key"
    """Header that carries the API key."""

    ingest_domain: str | None = None
    """Host name of the ingest API; needs `ingest_certificate_arn`, and a DNS record of yours for
    the output `DomainTarget`. Default: one of API Gateway's."""

    ingest_certificate_arn: str | None = None
    """ARN of the certificate for `ingest_domain`, in the region deployed to."""

    upload_url_minutes: int = 15
    """Life of an upload URL, in minutes, 1 to 720."""

    unclaimed_delay_seconds: int = 60
    """Seconds after which an upload that nobody claimed goes to the worker, 0 to 900."""

    in_request_limit: int = 25_000_000
    """Largest uploaded object that is processed in the request that claims it, in bytes,
    1 to 100,000,000. Larger ones are queued."""

    records_field: str = "transcript_with_metrics"
    """Top-level array of a payload whose elements can be read in pages."""

    transit_days: int = 7
    """Days after which uploads are deleted from the transit prefix, 1 to 365."""

    retention_days: int | None = None
    """Days for which payloads are kept, items and documents, 1 to 36,499. A change applies to
    payloads that are finished after it; those that are there keep their time. Default: for
    ever."""

    archive_infrequent_access_days: int | None = None
    """Days after which kept documents move to S3 Standard-IA, at least 30. Default: never."""

    archive_glacier_days: int | None = None
    """Days after which they move to S3 Glacier Instant Retrieval, at least 30 more than
    `archive_infrequent_access_days`, if that is given. Default: never."""

    canary_minutes: int | None = None
    """Minutes from one try to the next of a canary that sends a small and a large payload and
    reads them back, 5 to 1,440. Default: no canary."""

    files_domain: str | None = None
    """Host name of the files API; needs `files_certificate_arn`, and a DNS record of yours for
    the output `DomainTarget`. Default: one of API Gateway's."""

    files_certificate_arn: str | None = None
    """ARN of the certificate for `files_domain`, in the region deployed to."""

    file_url_minutes: int = 60
    """Life of a URL for an upload, a part or a download of a file, in minutes, 1 to 720."""

    upload_session_days: int = 7
    """Days within which an upload of a file must be completed, and can be resumed, 1 to 30."""

    max_file_size: int = 10_000 * 5 * 2**30
    """Largest file, in bytes, 1 to 53,687,091,200,000 (48.8 TiB). Over 10 TiB `file_quota_bytes`
    must be raised, too."""

    file_quota_bytes: int | None = 10 * 2**40
    """Most that one person may store, in bytes. Empty: no limit."""

    file_quota_files: int | None = 100_000
    """Most files that one person may store, 1 to 1,000,000,000. Empty: no limit."""

    max_open_uploads: int = 100
    """Uploads that one person may have open at once, 1 to 10,000."""

    verify_multipart: bool = False
    """Whether files uploaded in parts are read again to check the SHA-256 of the whole."""

    file_expiration_days: int | None = None
    """Days after which files are deleted, 1 to 36,499. A change applies to files that are uploaded
    after it; those that are there keep their time. Default: never."""

    file_infrequent_access_days: int | None = None
    """Days after which files move to S3 Standard-IA, at least 30. Default: never."""

    file_glacier_days: int | None = None
    """Days after which they move to S3 Glacier Instant Retrieval, at least 30 more than
    `file_infrequent_access_days`, if that is given. Default: never."""

    web_urls: tuple[str, ...] = ()
    """Pages by which people transfer files, as `https://files.example.com/`; several are
    separated by commas. Default: none but the page that this app deploys."""

    web: bool = True
    """Whether this app deploys the page by which people transfer files."""

    web_domain: str | None = None
    """Host name of that page; needs `web_certificate_arn`, and a DNS record of yours for the output
    `DomainTarget`. Default: one of CloudFront's."""

    web_certificate_arn: str | None = None
    """ARN of the certificate for `web_domain`, in us-east-1."""

    web_acl_arn: str | None = None
    """ARN of a WAF web ACL for that page, of scope CLOUDFRONT. Default: no firewall."""

    web_access_logs: bool = True
    """Whether CloudFront logs who asks for the page. It delivers no logs to regions that an account
    must opt into, so there `false` is needed to have a page."""

    page: str | None = None
    """Folder with a built page, relative to the repository. Default: the page that `make build`
    put into `wideload_cdk`."""

    publish_page: bool = True
    """Whether the stacks put the page into its bucket, which the embedded cloud can't."""

    mfa: Literal["off", "optional", "required"] = "optional"
    """Whether people show a code of an authenticator app when they sign in."""

    sign_in_domain_prefix: str | None = None
    """First part of the sign-in pages' host name. Default: one that nobody else has."""

    oidc_issuer: str | None = None
    """Whose tokens give access to files, as `https://login.example.com/`. Default: a user pool
    made here."""

    oidc_audience: str | None = None
    """What those tokens' claim `aud` must hold; given with `oidc_issuer`."""

    oidc_client_id: str | None = None
    """Client by which people sign in at `oidc_issuer`. Default: `oidc_audience`."""

    password_sign_in: bool = False
    """Whether programs may send people's passwords to the user pool as they are, for tests."""

    user_pool_web_acl_arn: str | None = None
    """ARN of a WAF web ACL of scope REGIONAL that guards the user pool. Default: no firewall."""

    sign_in_rate_limit: int | None = None
    """Requests in five minutes that a web ACL made here for the user pool lets through from one
    address, 10 to 2,000,000,000. Default: no firewall."""

    mail_from: str | None = None
    """Whom the user pool's messages come from, by Amazon SES, as `Files <files@example.com>`; needs
    `mail_identity_arn`. The first deployment makes a service-linked role for it
    (`iam:CreateServiceLinkedRole`), and SES must have let the account out of its sandbox. Default:
    Cognito's own address, which sends 50 messages a day, and whose text may be Cognito's own."""

    mail_identity_arn: str | None = None
    """ARN of SES's verified identity that `mail_from` belongs to: the address or its domain."""

    rate_limit: int = 100
    """Requests per second that each API accepts, 1 to 100,000. AWS allows an account 10,000 in a
    region until asked for more."""

    burst_limit: int = 200
    """Requests that may come to each API at once, 1 to 50,000. AWS allows an account 5,000 in a
    region, and more together with a higher rate."""

    worker_max_concurrency: int = 10
    """Queued payloads processed at once, 2 to 1,000."""

    api_reserved_concurrency: int | None = None
    """Requests that each API's function serves at once, at most and at any time, 1 to 10,000: set
    aside from what the account may run. Default: what the account has left."""

    worker_reserved_concurrency: int | None = None
    """The same for the worker; at least `worker_max_concurrency`."""

    monitoring: bool = True
    """Whether there are alarms and a dashboard, most of which the embedded cloud can't make."""

    alarm_emails: tuple[str, ...] = ()
    """Addresses that are told of alarms; AWS asks each for consent. Several are separated by
    commas."""

    runbook: str = "docs/runbook.md"
    """Where the alarms say the runbook is: a path, or an address of your own."""

    account_concurrency: int | None = 1_000
    """Functions that may run at once in account and region, 10 to 1,000,000; new accounts have
    less than the default. An alarm sounds at 80 %. Empty: no alarm."""

    bucket_metrics: bool = True
    """Whether S3 counts requests and errors, some $5 a month and bucket, and an alarm tells of
    errors."""

    compliance_packs: bool = False
    """Whether synthesis is judged by the rules of NIST 800-53, HIPAA and PCI DSS too."""

    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """Level from which the functions log; metrics are kept at any. At WARN the runbook finds no
    refused request and no run of a sweep, at ERROR no failed payload either."""

    log_retention_days: int = 30
    """Days for which logs are kept: 1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827 or 3653."""

    point_in_time_recovery: bool = True
    """Whether the tables can be restored to any second of the last 35 days."""

    deletion_protection: bool = True
    """Whether tables and user pool, and the stacks as a whole, refuse to be deleted."""

    retain: bool = True
    """Whether buckets, tables, user pool, logs and the keys of `kms` outlive their stacks."""

    s3_addressing_style: Literal["virtual", "path"] = "virtual"
    """How URLs name the bucket. AWS wants `virtual`; the embedded cloud knows only `path`."""

    endpoint_url: str | None = None
    """Where an emulator of AWS answers, as `https://localhost:4566`. Default: AWS."""

    def __post_init__(self) -> None:
        """Check every value, and then those that depend on each other."""
        for name, hint in _HINTS.items():
            check(name, hint, getattr(self, name))
        for one, other in _TOGETHER:
            values = getattr(self, one), getattr(self, other)
            if (values[0] is None) != (values[1] is None):
                raise ValueError(
                    f"{one} is {values[0]!r} and {other} is {values[1]!r}; give both or neither."
                )
        if self.oidc_client_id is not None and self.oidc_issuer is None:
            raise ValueError(
                f"oidc_client_id is {self.oidc_client_id!r} without an oidc_issuer; give it too, "
                "for the user pool made here has a client of its own."
            )
        for name in ("user_pool_web_acl_arn", "mail_from"):
            if getattr(self, name) is not None and self.oidc_issuer is not None:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, but with an oidc_issuer no user pool is "
                    "made here; leave one out."
                )
        if self.sign_in_rate_limit is not None and (self.oidc_issuer or self.user_pool_web_acl_arn):
            raise ValueError(
                f"sign_in_rate_limit is {self.sign_in_rate_limit:,}, but with an oidc_issuer no "
                "user pool is made here, and a user_pool_web_acl_arn is there instead; leave one "
                "out."
            )
        self._check_reserved()

    def _check_reserved(self) -> None:
        reserved = self.worker_reserved_concurrency
        if reserved is not None and reserved < self.worker_max_concurrency:
            raise ValueError(
                f"worker_reserved_concurrency is {reserved:,}, less than worker_max_concurrency, "
                f"{self.worker_max_concurrency:,}; the queue would be throttled. Raise one or "
                "lower the other."
            )
        total = 2 * (self.api_reserved_concurrency or 0) + (reserved or 0)
        account = self.account_concurrency
        if total and account is not None and total > account - LEFT_UNRESERVED:
            raise ValueError(
                f"api_reserved_concurrency, twice, and worker_reserved_concurrency set {total:,} "
                f"aside, but of {account:,} (account_concurrency) Lambda keeps "
                f"{LEFT_UNRESERVED} for other functions; lower them, leave them empty, or have AWS "
                "raise the account's quota."
            )

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
        changes: dict[str, Any] = {}
        for field, text in (overrides or {}).items():
            if field not in _OVERRIDABLE:
                close = difflib.get_close_matches(field, _OVERRIDABLE, n=1)
                meant = f" Did you mean {close[0]}?" if close else ""
                raise ValueError(
                    f"There is no setting {field!r}.{meant} "
                    f"The settings are: {', '.join(_OVERRIDABLE)}."
                )
            changes[field] = parse(field, _HINTS[field], text)
        return dataclasses.replace(ENVIRONMENTS[name], **changes)


_TOGETHER = (
    ("account", "region"),
    ("ingest_domain", "ingest_certificate_arn"),
    ("files_domain", "files_certificate_arn"),
    ("web_domain", "web_certificate_arn"),
    ("oidc_issuer", "oidc_audience"),
    ("mail_from", "mail_identity_arn"),
)
_HINTS = typing.get_type_hints(Settings)
_OVERRIDABLE = tuple(field for field in _HINTS if field != "environment")


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
        # As prod, but it can be taken down and put up again.
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
        "local": dataclasses.replace(
            _DISPOSABLE,
            environment="local",
            lambda_code=".local/lambda",
            # Each worker is a process of the developer's machine.
            worker_max_concurrency=3,
            # Nobody waits a minute for a test.
            unclaimed_delay_seconds=2,
            s3_addressing_style="path",
            # `local` says which port it really is.
            endpoint_url="https://localhost:4566",
            # So that scripts get tokens without a browser.
            password_sign_in=True,
            # `local` puts the page there instead.
            publish_page=False,
            monitoring=False,
        ),
    }
)
"""What each environment deploys unless overridden."""
