"""`FileTransfer`: an HTTP API to transfer people's files of any size to S3 and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_guardduty as guardduty
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.files.api import FilesApi
from wideload_cdk.files.events import CORRUPT, DELETED, SCANNED, STORED, VERIFIED
from wideload_cdk.files.functions import (
    FILES_PREFIX,
    VERIFIED_BYTES,
    new_api_function,
    new_events_function,
    new_scan_results_function,
    new_sweep,
    new_verifier,
)
from wideload_cdk.files.reference import IFileTransfer, ImportedFileTransfer
from wideload_cdk.files.scanning import (
    new_malware_plan,
    queue_guardduty_results,
    queue_results,
)
from wideload_cdk.files.sign_in import new_sign_in, origin_of
from wideload_cdk.files.tables import new_files_table
from wideload_cdk.shared.bucket import TransferBucket
from wideload_cdk.shared.checks import check_limit, check_reserved, refuse_for_given_bucket
from wideload_cdk.shared.function import RuntimeFunction
from wideload_cdk.shared.lifecycle import add_lifecycle, check_lifecycle
from wideload_cdk.shared.limits import (
    AUTHORIZE_SECONDS,
    FILE_BYTES,
    OPEN_UPLOADS,
    QUOTA_BYTES,
    QUOTA_FILES,
    SCAN_HOURS,
    UPLOAD_SESSION_DAYS,
    URL_MINUTES,
)
from wideload_cdk.shared.queues import new_dead_letter_queue, new_work_queue
from wideload_cdk.shared.service import Service

_TIB = 2**40


class FileTransfer(IFileTransfer, Service):
    """Store files of up to 48.8 TiB that browsers and programs upload, and return them.

    File contents never pass through a function: a client asks the API for presigned URLs, talks to
    S3 itself, and tells the API when it is done. Files up to 64 MiB are uploaded by one PUT whose
    SHA-256 S3 checks; larger ones by a multipart upload that can be resumed until its session
    ends. Content that its owner has already stored is not uploaded again. Every hour a sweep
    deletes uploads that were never completed.

    People sign in to a user pool that is made here, or at any issuer of OpenID Connect tokens. The
    claim `sub` identifies a person, who sees only own files. There is no self sign-up:
    `wideload-users` creates people in the user pool.

    Args:
        bucket: Bucket for the files, all under `files/`. A given bucket should abort incomplete
            multipart uploads a day after `session_ttl`, not sooner; expire nothing under `files/`,
            where the sweep deletes expired files; and allow PUT, GET and HEAD from the origins of
            `web_urls` (CORS), with `ETag` and `x-amz-checksum-sha256` exposed. It must not be
            versioned, or deleted files would stay. Default: a new `TransferBucket` with these
            settings.
        table: Table for the records of files, uploads and their owners. Its partition key is
            `owner`, its sort key `item`, its TTL attribute `expires_at`, and it has a global
            index `by_due`: partition key `due_shard`, sort key `due_at`, keys only. All keys are
            strings. With a stream of new and old images there are events of stored and deleted
            files; an imported table must be imported with the ARN of its stream for them
            (`Table.from_table_attributes(…, table_stream_arn=…)`). Default: a new on-demand table
            with a stream.
        encryption_key: KMS key for the bucket, table, queues and logs made here. The policy of an
            imported key must allow `events.amazonaws.com` (`kms:Decrypt`, `kms:GenerateDataKey`)
            and `logs.<region>.amazonaws.com` (as the CloudWatch Logs guide describes) to use it.
            Default: keys that the AWS services own, at no cost.
        code: Lambda code that holds `wideload_runtime` and its dependencies. Default: the
            code in this package, built for `architecture`.
        architecture: Processor of the functions. Default: arm64, a fifth cheaper.
        environment_name: The metrics' dimension `environment`; two deployments with the same
            name in one account and region share their metrics. Default: the stack's name.
        issuer: Issuer of the tokens that the API accepts, as in their claim `iss`, such as
            `https://login.example.com/`; API Gateway reads its keys by OpenID Connect
            discovery. Default: a user pool made here.
        audience: Required value of the claim `aud` (or `client_id`, if there is no `aud`) of those
            tokens. Required with `issuer`, refused without it.
        client_id: Client by which the CLI and the page sign in at `issuer`. Default: `audience`.
        web_urls: Pages that people use in a browser, such as `https://files.example.com/`.
            Their origins may call API and bucket (CORS), and they are the allowed callback and
            logout URLs of the user pool made here. A slash is added to a bare origin. A URL that
            is known only at deployment is taken for an origin. Default: none, so no page can use
            the API.
        mfa: Whether sign-in to the user pool made here needs a code of an authenticator app:
            `off`, `optional` (for people who have set one up) or `required`. Default: optional.
        password_sign_in: Whether programs may send a plain password to the user pool made here
            (USER_PASSWORD_AUTH), for tests. SRP, which does not send it, is always allowed.
            Default: they may not.
        user_pool_web_acl_arn: ARN of a WAF web ACL of scope REGIONAL that protects the sign-in
            pages and the API of the user pool made here. Default: none.
        sign_in_rate_limit: Requests per address and five minutes that a web ACL made here for the
            user pool allows, 10 to 2,000,000,000; a sign-in takes some ten. AWS bills a web ACL by
            the month. Refused with `user_pool_web_acl_arn`. Default: no web ACL.
        sign_in_domain_prefix: First part of the sign-in pages' host name,
            `<prefix>.auth.<region>.amazoncognito.com`, unique in the region.
            Default: `wideload-` and two unique parts.
        mail_from: Sender of the user pool's messages by Amazon SES: an address, or a name and an
            address as `Files <files@example.com>`. Default: Cognito's own sender, which sends at
            most 50 messages a day.
        mail_identity_arn: ARN of the verified SES identity (the address or its domain) of
            `mail_from`, in the user pool's region or another that Cognito supports. Required with
            `mail_from`, refused without it.
        endpoint_url: Custom AWS endpoint, such as `https://localhost:4566`, for an emulator.
            Clients sign in there, and the style of the sign-in pages, which emulators don't
            support, is left out. Default: AWS.
        url_ttl: Life of a URL for an upload, a part or a download, 1 minute to 12 hours. It ends
            earlier when the function's credentials do. Default: 1 hour.
        session_ttl: Time within which an upload must be completed and can be resumed, in whole
            days, 1 to 30. Default: 7 days.
        max_file_size: Largest file, in bytes, 1 to 53,687,091,200,000 (48.8 TiB, S3's largest
            object). Default: 48.8 TiB; `quota_bytes` limits it to 10 TiB by default.
        quota_bytes: Storage limit of one person, in bytes, 1 to 10^18. It includes open uploads,
            and aborted or deleted ones while their upload URLs are valid. `None`: no limit.
            Default: 10,995,116,277,760 (10 TiB).
        quota_files: Limit of one person's files, counted the same way, 1 to 1,000,000,000.
            `None`: no limit. Default: 100,000.
        max_open_uploads: Uploads that one person may have open at once, 1 to 10,000.
            Default: 100.
        verify_multipart: Whether a function behind a queue reads multipart uploads to check the
            SHA-256 of the whole file, since S3 checks only each part. It costs per byte, and files
            that take longer than 15 minutes stay unverified. `True`: all of them, `False`: none.
            Default: those of up to 32 GiB, which take less.
        scan: Whether files are quarantined until a malware scanner finds them clean: `True` makes a
            GuardDuty Malware Protection plan for the files, which AWS bills by objects and bytes;
            with `"events"` another scanner publishes its results as events
            (`contract/events/scan-result-v1.schema.json`). A quarantined file can't be
            downloaded. Files that were stored before stay as they are; without a scanner, files
            that one has quarantined stay so. Default: no scanner.
        scan_deadline: Time after which a file without a result raises an alarm, 1 hour to 7 days.
            Default: 6 hours.
        authorize: Function that is asked before an upload begins, once for all files of a request,
            and before a further name of stored content is made. It may refuse each file with a
            reason, or add metadata (`contract/authorize-v1.schema.json`). Default: none; all files
            within the limits are taken.
        authorize_timeout: How long the request waits for it, 1 to 20 seconds. Default: 3 seconds.
        authorize_failure: What happens if it fails, takes longer, or its answer has another form:
            with `closed` the files are refused (503, which clients repeat), with `open` they are
            taken without metadata. Default: closed.
        expiration: How long files are kept after their upload is completed, in whole days. A
            change applies to uploads that are completed after it. The sweep deletes expired files
            within an hour. Default: for ever, until their owner deletes them.
        infrequent_access_after: Age at which files of a bucket made here move to S3 Standard-IA,
            in whole days, at least 30. S3 does not move objects under 128 KB. Default: never.
        glacier_after: Age at which they move to S3 Glacier Instant Retrieval, where reads are as
            fast but cost a fee; in whole days, at least 30 more than `infrequent_access_after`, if
            that is given. S3 bills at least 90 days. Default: never.
        event_bus: Receives the events. Default: the account's default bus.
        rate_limit: Requests per second that the API accepts from all callers together; further
            requests get 429. `GET /sign-in`, which needs no token, gets a tenth. Default: 100.
        burst_limit: Requests at once that the API accepts; a tenth for `GET /sign-in`.
            Default: 200.
        api_reserved_concurrency: Reserved concurrency of the API's function, 1 to 10,000: the most
            requests at once, kept free for it in the account. Default: none, it shares the
            account's unreserved concurrency.
        tracing: Whether the functions send traces to X-Ray: one request a second, and 5 % of
            the others. Default: they do.
        vpc: Network of the functions, with a route to S3, DynamoDB and, with `verify_multipart`,
            SQS and EventBridge, such as the endpoints of `PrivateNetwork`. Default: none, Lambda's
            own network.
        vpc_subnets: Subnets of `vpc` for the functions. Default: private subnets, or isolated
            subnets if there are none.
        security_groups: Security groups of the functions in `vpc`. Default: one for each
            function, which allows all outbound traffic.
        domain_name: Custom host name of the API. Needs `certificate`, and a DNS record that
            points at `domain_target`. Default: only the host name that API Gateway assigns.
        certificate: Certificate for `domain_name`, in the stack's region.
        log_level: Level from which the functions log: DEBUG, INFO, WARN or ERROR.
            Default: INFO.
        log_retention: How long the logs of functions and API are kept. Default: 3 months.
        environment: Further environment variables for the functions. They override the
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
        ValueError: A value is out of range; or only one of `issuer` and `audience`, of
            `domain_name` and `certificate`, or of `mail_from` and `mail_identity_arn` is given; or
            an argument for a bucket or user pool made here is given together with a `bucket` or an
            `issuer`.
    """

    user_pool: cognito.UserPool | None
    """The people, unless `issuer` was given."""
    user_pool_client: cognito.UserPoolClient | None
    """The public client that CLI and page sign in with, unless `issuer` was given."""
    issuer: str
    """Claim `iss` of the tokens that the API accepts."""
    client_id: str
    """Client that people sign in with."""
    sign_in_url: str | None
    """Base URL of the user pool's sign-in pages, without a slash at the end."""
    sign_in: Mapping[str, Any]
    """The answer to `GET /sign-in`: issuer, client, scopes, and endpoints where they are known."""
    api: FilesApi
    """The HTTP API; all routes except `GET /sign-in` need a token."""
    api_function: RuntimeFunction
    """Answers every route."""
    sweep_function: RuntimeFunction
    """Deletes, every hour, uploads that were never completed."""
    verifier_function: RuntimeFunction | None
    """Reads multipart uploads to check their SHA-256, with `verify_multipart`."""
    verify_queue: sqs.Queue | None
    """Files that wait for the verifier, with `verify_multipart`."""
    dead_letter_queue: sqs.Queue | None
    """Files and scan results that failed to be processed five times, kept for 14 days, with
    `verify_multipart` or `scan`."""
    scan_queue: sqs.Queue | None
    """Results of malware scans that wait to be recorded, with `scan`."""
    scan_results_function: RuntimeFunction | None
    """Records results of malware scans, with `scan`."""
    malware_protection_plan: guardduty.CfnMalwareProtectionPlan | None
    """GuardDuty's plan, with `scan=True`."""
    events_function: RuntimeFunction | None
    """Publishes events from the table's stream, if the table has one."""
    event_dead_letter_queue: sqs.Queue
    """Undelivered events for 14 days: of the schedule, and from the table's stream to the event
    bus (of these, only positions in the stream)."""
    event_bus: events.IEventBus
    """Receives `FileStored`, `FileDeleted`, `FileScanned`, `FileVerified` and `FileCorrupt`."""

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
        max_file_size: int = FILE_BYTES.most,
        quota_bytes: int | None = 10 * _TIB,
        quota_files: int | None = 100_000,
        max_open_uploads: int = 100,
        verify_multipart: bool | None = None,
        authorize: lambda_.IFunction | None = None,
        authorize_timeout: Duration = Duration.seconds(3),
        authorize_failure: Literal["closed", "open"] = "closed",
        scan: bool | Literal["events"] = False,
        scan_deadline: Duration = Duration.hours(6),
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
        super().__init__(
            scope,
            id,
            environment_name=environment_name,
            event_bus=event_bus,
            encryption_key=encryption_key,
            point_in_time_recovery=point_in_time_recovery,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
            code=code,
            architecture=architecture,
            environment=environment,
            tracing=tracing,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            log_level=log_level,
            log_retention=log_retention,
            rate_limit=rate_limit,
            burst_limit=burst_limit,
            domain_name=domain_name,
            certificate=certificate,
        )
        check_limit("url_ttl", url_ttl, URL_MINUTES)
        check_limit("session_ttl", session_ttl, UPLOAD_SESSION_DAYS)
        check_limit("max_file_size", max_file_size, FILE_BYTES)
        if quota_bytes is not None:
            check_limit("quota_bytes", quota_bytes, QUOTA_BYTES)
        if quota_files is not None:
            check_limit("quota_files", quota_files, QUOTA_FILES)
        check_limit("max_open_uploads", max_open_uploads, OPEN_UPLOADS)
        check_limit("scan_deadline", scan_deadline, SCAN_HOURS)
        check_limit("authorize_timeout", authorize_timeout, AUTHORIZE_SECONDS)
        _check_choices(scan, authorize_failure)
        check_reserved("api_reserved_concurrency", api_reserved_concurrency)
        check_lifecycle(
            expiration=("expiration", expiration),
            infrequent_access_after=("infrequent_access_after", infrequent_access_after),
            glacier_after=("glacier_after", glacier_after),
        )
        if bucket is not None:
            refuse_for_given_bucket(
                access_logs_bucket=access_logs_bucket,
                infrequent_access_after=infrequent_access_after,
                glacier_after=glacier_after,
            )

        sign_in = new_sign_in(
            self,
            issuer=issuer,
            audience=audience,
            client_id=client_id,
            web_urls=web_urls,
            mfa=mfa,
            password_sign_in=password_sign_in,
            web_acl_arn=user_pool_web_acl_arn,
            rate_limit=sign_in_rate_limit,
            domain_prefix=sign_in_domain_prefix,
            mail_from=mail_from,
            mail_identity_arn=mail_identity_arn,
            endpoint_url=endpoint_url,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        self.user_pool, self.user_pool_client = sign_in.user_pool, sign_in.user_pool_client
        self.issuer = sign_in.issuer
        self.client_id = sign_in.client_id
        self.sign_in_url = sign_in.url
        self.sign_in = sign_in.describe()

        origins = list(dict.fromkeys(map(origin_of, web_urls)))
        if bucket is None:
            bucket = TransferBucket(
                self,
                "Bucket",
                encryption_key=encryption_key,
                expiration=None,
                abort_incomplete_after=_a_day_after(session_ttl),
                max_url_age=url_ttl,
                cors_origins=origins,
                access_logs_bucket=access_logs_bucket,
                removal_policy=removal_policy,
            )
            add_lifecycle(
                bucket,
                "Files",
                FILES_PREFIX,
                infrequent_access_after=infrequent_access_after,
                glacier_after=glacier_after,
            )
        self.bucket = bucket
        self.files_table = table or new_files_table(self, "Table", self._protection)
        self.verify_queue = self.scan_queue = None
        self.scan_results_function = self.malware_protection_plan = None
        dead_letter_queue = self.dead_letter_queue = (
            new_dead_letter_queue(self, "DeadLetterQueue", encryption_key=encryption_key)
            if verify_multipart is not False or scan
            else None
        )
        if verify_multipart is not False and dead_letter_queue is not None:
            self.verify_queue = new_work_queue(
                self,
                "VerifyQueue",
                encryption_key=encryption_key,
                dead_letter_queue=dead_letter_queue,
            )

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
            "WIDELOAD_VERIFY_MOST": str(VERIFIED_BYTES) if verify_multipart is None else "",
            "WIDELOAD_SCAN_SECONDS": str(scan_deadline.to_seconds()) if scan else "",
            "WIDELOAD_S3_ADDRESSING_STYLE": "virtual",
        }
        if expiration is not None:
            variables["WIDELOAD_FILE_EXPIRATION_DAYS"] = str(expiration.to_days())
        settings = self._function_settings.with_defaults(variables)
        self.api_function = new_api_function(
            self,
            settings,
            sign_in=self.sign_in,
            bucket=self.bucket,
            table=self.files_table,
            verify_queue=self.verify_queue,
            reserved_concurrency=api_reserved_concurrency,
            authorize=authorize,
            authorize_timeout=authorize_timeout,
            authorize_failure=authorize_failure,
        )
        self.sweep_function = new_sweep(
            self,
            settings,
            bucket=self.bucket,
            table=self.files_table,
            verify_queue=self.verify_queue,
            dead_letter_queue=self.event_dead_letter_queue,
        )
        self.verifier_function = None
        if self.verify_queue is not None:
            self.verifier_function = new_verifier(
                self,
                settings,
                bucket=self.bucket,
                table=self.files_table,
                queue=self.verify_queue,
                event_bus=self.event_bus,
            )
        self.events_function = None
        if self.files_table.table_stream_arn is not None:
            self.events_function = new_events_function(
                self,
                self._function_settings,
                environment_name=self.environment_name,
                table=self.files_table,
                event_bus=self.event_bus,
                dead_letter_queue=self.event_dead_letter_queue,
                scans_files=bool(scan),
            )
        if scan and dead_letter_queue is not None:
            self._add_scanning(
                dead_letter_queue,
                encryption_key=encryption_key,
                use_guardduty=scan is True,
            )
        self.api = FilesApi(
            self,
            "Api",
            handler=self.api_function,
            issuer=sign_in.issuer,
            audience=sign_in.audience,
            cors_origins=origins,
            settings=self._api_settings,
        )

    def _add_scanning(
        self, dead_letter_queue: sqs.Queue, *, encryption_key: kms.IKey | None, use_guardduty: bool
    ) -> None:
        """Queue results of malware scanners, and record them."""
        self.scan_queue = new_work_queue(
            self, "ScanQueue", encryption_key=encryption_key, dead_letter_queue=dead_letter_queue
        )
        self.scan_results_function = new_scan_results_function(
            self,
            self._function_settings,
            environment_name=self.environment_name,
            table=self.files_table,
            queue=self.scan_queue,
        )
        queue_results(
            self,
            "ScanResultsRule",
            event_bus=self.event_bus,
            environment_name=self.environment_name,
            queue=self.scan_queue,
            dead_letter_queue=self.event_dead_letter_queue,
        )
        if use_guardduty:
            self.malware_protection_plan = new_malware_plan(
                self, "MalwareProtection", bucket=self.bucket, prefix=FILES_PREFIX
            )
            queue_guardduty_results(
                self,
                "GuardDutyRule",
                bucket=self.bucket,
                prefix=FILES_PREFIX,
                queue=self.scan_queue,
                dead_letter_queue=self.event_dead_letter_queue,
            )

    @staticmethod
    def from_file_transfer_attributes(
        scope: Construct,
        id: str,
        *,
        environment_name: str,
        bucket: s3.IBucket | None = None,
        files_table: dynamodb.ITable | None = None,
        user_pool: cognito.IUserPool | None = None,
        event_bus: events.IEventBus | None = None,
    ) -> IFileTransfer:
        """Refer to a deployment that another app has made.

        Args:
            scope: Parent of the reference, and of the rules that it makes.
            id: Id of the reference.
            environment_name: That of the deployment, by default the name of its stack. Rules and
                metrics are those of this deployment alone.
            bucket: Its bucket, imported with its KMS key, if it has one. Needed by
                `grant_read_files`.
            files_table: Its table, likewise. Needed by `grant_read_files`.
            user_pool: Its user pool. Needed by `grant_manage_users`.
            event_bus: The bus on which it publishes. Default: the account's default bus.

        Raises:
            ValueError: `environment_name` is wrong.
            AttributeError: From a grant: what it needs was not given.
        """
        return ImportedFileTransfer(
            scope,
            id,
            environment_name=environment_name,
            bucket=bucket,
            files_table=files_table,
            user_pool=user_pool,
            event_bus=event_bus,
        )

    def _check_published(self, detail_type: str) -> None:
        if detail_type in (VERIFIED, CORRUPT) and self.verifier_function is None:
            raise ValueError(
                f"verify_multipart is False, so no {detail_type} would ever come; "
                "leave it out, or give verify_multipart=True."
            )
        if detail_type == SCANNED and self.scan_results_function is None:
            raise ValueError(
                f"scan is False, so no {detail_type} would ever come; give scan=True or 'events'."
            )
        if detail_type in (STORED, DELETED, SCANNED) and self.events_function is None:
            raise ValueError(
                f"table has no stream, or was imported without one, so no {detail_type} would ever "
                "come; give a table with a stream of NEW_AND_OLD_IMAGES. Import it with "
                "Table.from_table_attributes and its table_stream_arn."
            )


def _check_choices(scan: object, authorize_failure: str) -> None:
    if authorize_failure not in ("closed", "open"):
        raise ValueError(f"authorize_failure is {authorize_failure!r}; give 'closed' or 'open'.")
    if scan not in (True, False, "events"):
        raise ValueError(f"scan is {scan!r}; give True, False or 'events'.")


def _a_day_after(session_ttl: Duration) -> Duration:
    # The sweep aborts an upload when its session ends; S3's rule is for uploads that it missed.
    return session_ttl if session_ttl.is_unresolved() else session_ttl.plus(Duration.days(1))
