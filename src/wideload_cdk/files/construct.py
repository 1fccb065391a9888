"""`FileTransfer`: an HTTP API by which people's files of any size go to S3 and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aws_cdk import Duration, Names, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.files.functions import new_functions
from wideload_cdk.files.permissions import FILES_PREFIX, acknowledge_findings, grant_functions
from wideload_cdk.files.sign_in import (
    MFA,
    SignIn,
    check_domain_prefix,
    check_endpoint,
    check_firewall,
    check_issuer,
    check_mail,
    check_page,
    new_user_pool,
    origin_of,
    page_of,
)
from wideload_cdk.shared.api import TokenHttpApi
from wideload_cdk.shared.assets import built_code
from wideload_cdk.shared.bucket import TransferBucket
from wideload_cdk.shared.checks import (
    check_choice,
    check_days,
    check_domain,
    check_duration,
    check_environment_name,
    check_log_level,
    check_range,
    check_reserved,
    check_throttle,
    refuse_for_given_bucket,
)
from wideload_cdk.shared.events import FilesEvents
from wideload_cdk.shared.function import RuntimeFunction
from wideload_cdk.shared.lifecycle import add_lifecycle, check_lifecycle
from wideload_cdk.shared.metrics import FilesMetrics
from wideload_cdk.shared.queues import new_dead_letter_queue, new_work_queue
from wideload_cdk.shared.tables import new_files_table

_DELETE = apigateway.HttpMethod.DELETE
_GET = apigateway.HttpMethod.GET
_PATCH = apigateway.HttpMethod.PATCH
_POST = apigateway.HttpMethod.POST
ROUTES = {
    "/files": [_GET, _POST],
    "/files/check": [_POST],
    "/files/uploads": [_GET],
    "/files/uploads/{upload_id}": [_GET, _DELETE],
    "/files/uploads/{upload_id}/parts": [_POST],
    "/files/uploads/{upload_id}/complete": [_POST],
    "/files/{file_id}": [_GET, _PATCH, _DELETE],
    "/files/{file_id}/download": [_GET],
    "/sign-in": [_GET],
}
OPEN_PATHS = ["/sign-in"]

TIB = 2**40
# 10,000 parts of 5 GiB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_FILE_SIZE = 10_000 * 5 * 2**30


class FileTransfer(FilesMetrics, FilesEvents, Construct):
    """Take files of up to 48.8 TiB from people's browsers and programs, and give them back.

    No byte of a file passes through a function: a client asks the API for presigned URLs,
    talks to S3 itself, and tells the API when it is done. Up to 64 MiB that is one PUT whose
    SHA-256 S3 checks; above, a multipart upload that can be resumed for as long as its session
    lives. Content that its owner has already is not uploaded again. Every hour a sweep takes
    away what was begun and never completed.

    People sign in to a user pool that is made here, or anywhere that issues tokens of OpenID
    Connect; the claim `sub` is whose files they see. Nobody signs up by themselves:
    `wideload-users` makes people in the user pool.

    Args:
        bucket: Bucket for the files, all under `files/`. A bucket of yours should abort
            incomplete multipart uploads a day after `session_ttl`, not sooner; expire nothing
            under `files/`, which the sweep does; and let the origins of `web_urls` PUT, GET and
            HEAD, with `ETag` and `x-amz-checksum-sha256` exposed. It must not be versioned, or
            deleted files would stay. Default: a new `TransferBucket` that does all of this.
        table: Table for what is known of files, uploads and their owners. Its partition key is
            `owner`, its sort key `item`, its TTL attribute `expires_at`, and it has a global
            index `by_due`: partition key `due_shard`, sort key `due_at`, keys only. All keys are
            strings. Default: a new on-demand table.
        encryption_key: KMS key for bucket, table, queues and logs made here. Default: keys that
            the services own, at no cost. The policy of an imported key must itself let
            `events.amazonaws.com` use it (`kms:Decrypt`, `kms:GenerateDataKey`), and
            `logs.<region>.amazonaws.com` (as CloudWatch Logs' guide has it).
        code: Lambda code that holds `wideload_runtime` and its dependencies. Default: the
            code in this package, built for `architecture`.
        architecture: Processor of the functions. Default: arm64, a fifth cheaper.
        environment_name: The metrics' dimension `environment`; two deployments with the same
            name in one account and region share their metrics. Default: the stack's name.
        issuer: Whose tokens the API takes, as their claim `iss` has it, such as
            `https://login.example.com/`; API Gateway reads its keys by OpenID Connect
            discovery. Default: a user pool made here.
        audience: What the claim `aud` (or `client_id`, where there is no `aud`) of those tokens
            must hold. Given with `issuer`, or not at all.
        client_id: Client by which the CLI and the page sign in at `issuer`. Default: `audience`.
        web_urls: Pages that people use in a browser, such as `https://files.example.com/`:
            their origins may call API and bucket (CORS), and the user pool made here sends
            people back to exactly these addresses after signing in and out. A bare origin gets
            a slash. One that is known only at deployment as a whole is taken for an origin.
            Default: none, so no page can use the API.
        mfa: Whether people of the user pool made here show a code of an authenticator app when
            they sign in: `off`, `optional` (who has set one up) or `required`.
            Default: optional.
        password_sign_in: Whether programs may send a password to the user pool made here as it
            is (USER_PASSWORD_AUTH), for tests. SRP, which does not send it, is always allowed.
            Default: they may not.
        user_pool_web_acl_arn: ARN of a WAF web ACL of scope REGIONAL for the user pool made here:
            what its sign-in pages and its API let through. Default: no firewall.
        sign_in_rate_limit: Requests in five minutes that a web ACL made here for the user pool
            lets through from one address, 10 to 2,000,000,000; a sign-in takes some ten. Instead
            of `user_pool_web_acl_arn`. AWS bills a web ACL by the month. Default: no firewall.
        sign_in_domain_prefix: First part of the sign-in pages' host name,
            `<prefix>.auth.<region>.amazoncognito.com`, unlike any other's in the region.
            Default: `wideload-` and two parts that nobody else has.
        mail_from: Address, or name and address as `Files <files@example.com>`, that the user pool
            made here sends its messages from, by Amazon SES. Default: Cognito's own address and
            sender, which sends 50 messages a day at most.
        mail_identity_arn: ARN of the verified identity of SES, the address or its domain, that
            `mail_from` belongs to, in the user pool's region or another that Cognito takes.
            Given with `mail_from`, or not at all.
        endpoint_url: Where AWS's services answer, such as `https://localhost:4566`, for an
            emulator: clients are sent there to sign in, and the style of the sign-in pages,
            which emulators know nothing of, is left out. Default: AWS.
        url_ttl: Life of a URL for an upload, a part or a download, 1 minute to 12 hours. It ends
            earlier when the function's credentials do. Default: 1 hour.
        session_ttl: How long an upload may take, in whole days, 1 to 30; until then it can be
            resumed. Default: 7 days.
        max_file_size: Largest file, in bytes, 1 to 53,687,091,200,000 (48.8 TiB, the most that
            S3 keeps as one object). Default: 48.8 TiB, of which `quota_bytes` leaves 10.
        quota_bytes: Most that one person may store, in bytes: files, open uploads, and what was
            aborted or deleted while its upload URL lives. `None`: no limit.
            Default: 10,995,116,277,760 (10 TiB); larger files need more.
        quota_files: The same in number, 1 to 1,000,000,000. `None`: no limit. Default: 100,000.
        max_open_uploads: Uploads that one person may have open at once, 1 to 10,000.
            Default: 100.
        verify_multipart: Whether multipart uploads are read again to check the SHA-256 of the
            whole file, which S3 checks by parts only: by a function behind a queue, at some cost
            per byte; what takes longer than 15 minutes stays unverified. Default: they are not.
        expiration: How long files are kept whose upload is completed from now on, in whole days;
            files that were there before keep the time that they were given then. The sweep
            deletes them within an hour after that. Default: until somebody deletes them.
        infrequent_access_after: When files of a bucket made here move to S3 Standard-IA, in
            whole days, at least 30. S3 leaves objects under 128 KB where they are.
            Default: never.
        glacier_after: When they move to S3 Glacier Instant Retrieval, from which they are read
            as quickly as before, but for a fee; in whole days, at least 30 more than
            `infrequent_access_after`, if that is given. S3 bills at least 90 days of it.
            Default: never.
        event_bus: Receives the verifier's events. Default: the account's default bus.
        rate_limit: Requests per second that the API accepts, all callers together; more are
            answered 429. `GET /sign-in`, which needs no token, gets a tenth. Default: 100.
        burst_limit: Requests that may come at once; a tenth for `GET /sign-in`. Default: 200.
        api_reserved_concurrency: Requests that the API's function serves at once, at most, and
            for which its account always keeps room, 1 to 10,000. Default: what others leave.
        tracing: Whether the functions send traces to X-Ray. Default: they do, at a request a
            second and one in twenty of the rest.
        vpc: Network that the functions run in; from there they must reach S3, DynamoDB and, with
            `verify_multipart`, SQS and EventBridge, as by the endpoints of `PrivateNetwork`.
            Default: Lambda's own.
        vpc_subnets: Which subnets of `vpc`. Default: private ones, else isolated ones.
        security_groups: Of the functions in `vpc`. Default: one for each function, which lets
            everything out.
        domain_name: Host name of the API, beside the one of API Gateway; needs `certificate`,
            and a DNS record that points at `domain_target`. Default: API Gateway's alone.
        certificate: Certificate for `domain_name`, in the stack's region.
        log_level: Level from which the functions log: DEBUG, INFO, WARN or ERROR.
            Default: INFO.
        log_retention: How long the logs of functions and API are kept. Default: 3 months.
        environment: Further environment variables for the functions; they win over the
            construct's own. Default: none.
        point_in_time_recovery: Whether a table made here can be restored to any second of the
            last 35 days. Default: it can.
        deletion_protection: Whether table and user pool made here refuse to be deleted.
            Default: they do.
        access_logs_bucket: Receives the access logs of the bucket made here. Default: a new
            bucket, which keeps them for 90 days.
        removal_policy: What happens to bucket, table, user pool and logs made here when the
            stack is deleted. Default: they are kept.

    Raises:
        FileNotFoundError: The package's Lambda code has not been built, and no `code` given.
        ValueError: A value is outside of what is allowed, which the message says; or one of
            `issuer` and `audience`, of `domain_name` and `certificate`, or of `mail_from` and
            `mail_identity_arn`, is given without the other; or something for a bucket or user
            pool made here is given with one that isn't.
    """

    bucket: s3.IBucket
    """Where the files are, under `files/`."""
    files_table: dynamodb.ITable
    """What is known of files, uploads and their owners."""
    user_pool: cognito.UserPool | None
    """The people, unless `issuer` was given."""
    user_pool_client: cognito.UserPoolClient | None
    """The public client that CLI and page sign in with, unless `issuer` was given."""
    issuer: str
    """Claim `iss` of the tokens that the API takes."""
    client_id: str
    """Client that people sign in with."""
    sign_in_url: str | None
    """Base URL of the user pool's sign-in pages, without a slash at the end."""
    sign_in: Mapping[str, Any]
    """What `GET /sign-in` answers: issuer, client, scopes, and endpoints where they are known."""
    api: apigateway.HttpApi
    """The HTTP API; its routes need a token, but for `GET /sign-in`."""
    stage: apigateway.HttpStage
    """The API's only stage, `$default`."""
    api_url: str
    """Base URL of the API, without a slash at the end: with `domain_name` if that was given."""
    domain_target: str | None
    """What a DNS record for `domain_name` must point at, if that was given."""
    api_function: RuntimeFunction
    """Answers every route."""
    sweep_function: RuntimeFunction
    """Takes away, every hour, what was begun and never completed."""
    verifier_function: RuntimeFunction | None
    """Reads multipart uploads again, with `verify_multipart`."""
    verify_queue: sqs.Queue | None
    """Files that wait for the verifier, with `verify_multipart`."""
    dead_letter_queue: sqs.Queue | None
    """Files that the verifier failed five times, kept for 14 days."""
    event_dead_letter_queue: sqs.Queue
    """Events of the schedule that could not be passed on, kept for 14 days."""
    event_bus: events.IEventBus
    """Receives `FileVerified` and `FileCorrupt`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bucket: s3.IBucket | None = None,
        table: dynamodb.ITable | None = None,
        encryption_key: kms.IKey | None = None,
        code: lambda_.Code | None = None,
        architecture: lambda_.Architecture = lambda_.Architecture.ARM_64,
        environment_name: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        client_id: str | None = None,
        web_urls: Sequence[str] = (),
        mfa: Literal["off", "optional", "required"] = "optional",
        password_sign_in: bool = False,
        user_pool_web_acl_arn: str | None = None,
        sign_in_rate_limit: int | None = None,
        sign_in_domain_prefix: str | None = None,
        mail_from: str | None = None,
        mail_identity_arn: str | None = None,
        endpoint_url: str | None = None,
        url_ttl: Duration = Duration.minutes(60),
        session_ttl: Duration = Duration.days(7),
        max_file_size: int = MAX_FILE_SIZE,
        quota_bytes: int | None = 10 * TIB,
        quota_files: int | None = 100_000,
        max_open_uploads: int = 100,
        verify_multipart: bool = False,
        expiration: Duration | None = None,
        infrequent_access_after: Duration | None = None,
        glacier_after: Duration | None = None,
        event_bus: events.IEventBus | None = None,
        rate_limit: int = 100,
        burst_limit: int = 200,
        api_reserved_concurrency: int | None = None,
        tracing: bool = True,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        domain_name: str | None = None,
        certificate: acm.ICertificate | None = None,
        log_level: str = "INFO",
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        environment: Mapping[str, str] | None = None,
        point_in_time_recovery: bool = True,
        deletion_protection: bool = True,
        access_logs_bucket: s3.IBucket | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        check_issuer(
            issuer,
            audience,
            client_id=client_id,
            mfa=None if mfa == "optional" else mfa,
            password_sign_in=password_sign_in or None,
            user_pool_web_acl_arn=user_pool_web_acl_arn,
            sign_in_rate_limit=sign_in_rate_limit,
            sign_in_domain_prefix=sign_in_domain_prefix,
            mail_from=mail_from,
            endpoint_url=endpoint_url,
        )
        mail = check_mail(mail_from, mail_identity_arn)
        for url in web_urls:
            check_page(url)
        check_choice("mfa", mfa, list(MFA))
        check_firewall(user_pool_web_acl_arn, sign_in_rate_limit)
        if sign_in_domain_prefix is not None:
            check_domain_prefix(sign_in_domain_prefix)
        if endpoint_url is not None:
            check_endpoint(endpoint_url)
        _check_limits(
            url_ttl=url_ttl,
            session_ttl=session_ttl,
            max_file_size=max_file_size,
            quota_bytes=quota_bytes,
            quota_files=quota_files,
            max_open_uploads=max_open_uploads,
        )
        check_lifecycle(
            expiration=("expiration", expiration),
            infrequent_access_after=("infrequent_access_after", infrequent_access_after),
            glacier_after=("glacier_after", glacier_after),
        )
        check_throttle(rate_limit, burst_limit)
        check_reserved("api_reserved_concurrency", api_reserved_concurrency)
        check_domain(domain_name, certificate)
        check_log_level(log_level)
        check_environment_name(environment_name)
        if bucket is not None:
            refuse_for_given_bucket(
                access_logs_bucket=access_logs_bucket,
                infrequent_access_after=infrequent_access_after,
                glacier_after=glacier_after,
            )

        origins = list(dict.fromkeys(map(origin_of, web_urls)))
        self.environment_name = environment_name or Stack.of(self).stack_name
        self.event_bus = event_bus or events.EventBus.from_event_bus_name(
            self, "DefaultEventBus", "default"
        )
        self.bucket = bucket or self._new_bucket(
            encryption_key=encryption_key,
            abort_incomplete_after=_a_day_after(session_ttl),
            max_url_age=url_ttl,
            cors_origins=origins,
            access_logs_bucket=access_logs_bucket,
            removal_policy=removal_policy,
            lifecycle={
                "infrequent_access_after": infrequent_access_after,
                "glacier_after": glacier_after,
            },
        )
        self.files_table = table or new_files_table(
            self,
            "Table",
            encryption_key=encryption_key,
            point_in_time_recovery=point_in_time_recovery,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        self.event_dead_letter_queue = new_dead_letter_queue(
            self, "EventDeadLetterQueue", encryption_key
        )
        self.dead_letter_queue = self.verify_queue = None
        if verify_multipart:
            self.dead_letter_queue = new_dead_letter_queue(self, "DeadLetterQueue", encryption_key)
            self.verify_queue = new_work_queue(
                self, "VerifyQueue", encryption_key, dead_letter_queue=self.dead_letter_queue
            )
        if issuer is not None and audience is not None:
            sign_in = SignIn(issuer=issuer, audience=audience, client_id=client_id or audience)
        else:
            sign_in = new_user_pool(
                self,
                "UserPool",
                pages=list(dict.fromkeys(map(page_of, web_urls))),
                mfa=mfa,
                password_sign_in=password_sign_in,
                web_acl_arn=user_pool_web_acl_arn,
                rate_limit=sign_in_rate_limit,
                domain_prefix=sign_in_domain_prefix,
                endpoint_url=endpoint_url,
                mail=mail,
                deletion_protection=deletion_protection,
                removal_policy=removal_policy,
            )
        self.user_pool, self.user_pool_client = sign_in.user_pool, sign_in.user_pool_client
        self.issuer = sign_in.issuer
        self.client_id = sign_in.client_id
        self.sign_in_url = sign_in.url
        self.sign_in = sign_in.describe()

        variables = {
            "WIDELOAD_ENVIRONMENT": self.environment_name,
            "WIDELOAD_BUCKET": self.bucket.bucket_name,
            "WIDELOAD_FILES_TABLE": self.files_table.table_name,
            "WIDELOAD_FILE_URL_TTL": str(url_ttl.to_seconds()),
            "WIDELOAD_UPLOAD_SESSION_TTL": str(session_ttl.to_seconds()),
            "WIDELOAD_MAX_FILE_SIZE": str(max_file_size),
            "WIDELOAD_QUOTA_BYTES": "" if quota_bytes is None else str(quota_bytes),
            "WIDELOAD_QUOTA_FILES": "" if quota_files is None else str(quota_files),
            "WIDELOAD_MAX_OPEN_UPLOADS": str(max_open_uploads),
            "WIDELOAD_VERIFY_QUEUE_URL": self.verify_queue.queue_url if self.verify_queue else "",
            "WIDELOAD_S3_ADDRESSING_STYLE": "virtual",
        }
        if expiration is not None:
            variables["WIDELOAD_FILE_EXPIRATION_DAYS"] = str(expiration.to_days())
        self.api_function, self.sweep_function, self.verifier_function = new_functions(
            self,
            variables=variables,
            environment=environment or {},
            api_reserved_concurrency=api_reserved_concurrency,
            code=code or built_code(architecture),
            architecture=architecture,
            log_level=log_level,
            log_retention=log_retention,
            removal_policy=removal_policy,
            tracing=tracing,
            encryption_key=encryption_key,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
        )
        grant_functions(self)

        self.api = TokenHttpApi(
            self,
            "Api",
            api_name=Names.unique_resource_name(self, max_length=128, separator="-"),
            description="Wideload files: files of any size, straight to S3",
            routes=ROUTES,
            open_paths=OPEN_PATHS,
            handler=self.api_function,
            issuer=sign_in.issuer,
            audience=sign_in.audience,
            cors_origins=origins,
            rate_limit=rate_limit,
            burst_limit=burst_limit,
            log_retention=log_retention,
            removal_policy=removal_policy,
            encryption_key=encryption_key,
            domain_name=domain_name,
            certificate=certificate,
        )
        self.stage = self.api.stage
        self.api_url = self.api.url_base
        self.domain_target = self.api.domain_target
        acknowledge_findings(self, self.api.open_routes)

    def _new_bucket(
        self, *, lifecycle: dict[str, Duration | None], **options: Any
    ) -> TransferBucket:
        bucket = TransferBucket(self, "Bucket", expiration=None, **options)
        add_lifecycle(bucket, "Files", FILES_PREFIX, **lifecycle)
        return bucket


def _a_day_after(session_ttl: Duration) -> Duration:
    # A session ends in the table first, and the sweep aborts it; S3's rule is for what it missed.
    return session_ttl if session_ttl.is_unresolved() else session_ttl.plus(Duration.days(1))


def _check_limits(
    *,
    url_ttl: Duration,
    session_ttl: Duration,
    max_file_size: int,
    quota_bytes: int | None,
    quota_files: int | None,
    max_open_uploads: int,
) -> None:
    check_duration("url_ttl", url_ttl, least=Duration.minutes(1), most=Duration.hours(12))
    check_days("session_ttl", session_ttl, most=30)
    check_range("max_file_size", max_file_size, least=1, most=MAX_FILE_SIZE, unit="bytes")
    if quota_bytes is not None:
        check_range("quota_bytes", quota_bytes, least=1, most=10**18, unit="bytes")
    if quota_files is not None:
        check_range("quota_files", quota_files, least=1, most=10**9, unit="files")
    check_range("max_open_uploads", max_open_uploads, least=1, most=10_000, unit="uploads")
