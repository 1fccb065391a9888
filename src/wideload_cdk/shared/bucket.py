"""`TransferBucket`: the bucket that clients talk to with presigned URLs."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from wideload_cdk.shared.access_logs import new_access_logs_bucket
from wideload_cdk.shared.checks import check_format, check_limit
from wideload_cdk.shared.findings import TRANSFER_BUCKET, acknowledge_bucket
from wideload_cdk.shared.formats import ORIGIN
from wideload_cdk.shared.limits import BUCKET_RULE_DAYS, URL_MINUTES

MAX_URL_AGE = Duration.minutes(URL_MINUTES.most)

# Headers that a presigned PUT must not set. S3 accepts no unsigned `x-amz-*` header with a
# presigned URL anyway, and none of these is signed here.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_DENIED_HEADERS: dict[str, dict[str, dict[str, str]]] = {
    # Some classes cost more, or can't be read at once. STANDARD may be written out.
    "DenyStorageClassByUrl": {
        "Null": {"s3:x-amz-storage-class": "false"},
        "StringNotEquals": {"s3:x-amz-storage-class": "STANDARD"},
    },
    # Only the sender could read an object under a key of its own (SSE-C).
    "DenyCustomerKeyByUrl": {
        "Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}
    },
    "DenyRedirectByUrl": {"Null": {"s3:x-amz-website-redirect-location": "false"}},
}


class TransferBucket(s3.Bucket):
    """A private bucket for presigned uploads and downloads.

    It is an ordinary `s3.Bucket`: use it wherever an `s3.IBucket` is expected, and add further
    lifecycle rules by `add_lifecycle_rule`. All access needs TLS 1.2 or newer, public access
    is blocked, the bucket owner owns every object (no ACLs), and object events go to
    EventBridge. A presigned URL expires after `max_url_age` even if it was signed for longer, and
    its PUT can set no storage class, redirect or customer-provided encryption key.

    Args:
        encryption_key: KMS key that encrypts the objects. Default: S3's own keys
            (SSE-S3, AES-256), which cost nothing.
        expiration: Objects are deleted this long after they were written, in whole days, at
            least one; `None` keeps them. Default: 7 days.
        abort_incomplete_after: Multipart uploads that were neither completed nor aborted are
            aborted this long after they began, in whole days, at least one. Default: 1 day.
        max_url_age: Longest life of a presigned URL, even if it was signed for longer, 1 minute to
            12 hours. Default: 12 hours.
        expiration_prefix: Only keys that start with this expire. Default: every key.
        cors_origins: Origins whose pages may PUT, GET and HEAD, such as
            `https://app.example.com`; they can read the headers `ETag` and
            `x-amz-checksum-sha256`. Default: none, so no browser can.
        access_logs_bucket: Bucket that receives the server access logs. Default: a new one
            beside this one, `<id>AccessLogs`, that deletes logs after 90 days.
        access_logs_prefix: Prefix of the keys of the access logs, for several buckets that log to
            one. Default: none.
        removal_policy: What happens to the bucket, and to the log bucket made here, when the
            stack is deleted. CloudFormation can't delete a bucket that holds objects: empty
            it first. Default: both are kept.

    Raises:
        ValueError: `expiration` or `abort_incomplete_after` is not a whole number of days from 1
            to 36,500, `max_url_age` is out of range, `expiration_prefix` is given but nothing
            expires, or an origin of `cors_origins` isn't `*` or `http(s)://host[:port]`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        encryption_key: kms.IKey | None = None,
        expiration: Duration | None = Duration.days(7),
        abort_incomplete_after: Duration = Duration.days(1),
        max_url_age: Duration = MAX_URL_AGE,
        expiration_prefix: str | None = None,
        cors_origins: Sequence[str] = (),
        access_logs_bucket: s3.IBucket | None = None,
        access_logs_prefix: str | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        _check(expiration, expiration_prefix, cors_origins)
        check_limit("abort_incomplete_after", abort_incomplete_after, BUCKET_RULE_DAYS)
        check_limit("max_url_age", max_url_age, URL_MINUTES)
        # A sibling, not a child: the bucket's constructor already needs it.
        self.access_logs_bucket = access_logs_bucket or new_access_logs_bucket(
            scope, f"{id}AccessLogs", removal_policy
        )
        super().__init__(
            scope,
            id,
            encryption=s3.BucketEncryption.KMS
            if encryption_key
            else s3.BucketEncryption.S3_MANAGED,
            encryption_key=encryption_key,
            # One call to KMS per bucket and hour or so instead of one per object.
            bucket_key_enabled=True if encryption_key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            server_access_logs_bucket=self.access_logs_bucket,
            server_access_logs_prefix=access_logs_prefix,
            cors=[_cors_rule(cors_origins)] if cors_origins else None,
            lifecycle_rules=_lifecycle_rules(expiration, expiration_prefix, abort_incomplete_after),
            removal_policy=removal_policy,
        )
        acknowledge_bucket(self, TRANSFER_BUCKET)
        self._deny_old_urls(max_url_age)
        for sid, condition in _DENIED_HEADERS.items():
            self.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["s3:PutObject"],
                    resources=[self.arn_for_objects("*")],
                    conditions={"StringEquals": {"s3:authType": "REST-QUERY-STRING"}} | condition,
                )
            )
        # `event_bridge_enabled=True` would bring a custom resource with a function of its own;
        # the resource has had the property itself since 2021.
        resource = self.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - for the type checker
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )

    def _deny_old_urls(self, max_url_age: Duration) -> None:
        # A time that is known only at deployment can't be converted to milliseconds here.
        known = MAX_URL_AGE if max_url_age.is_unresolved() else max_url_age
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="DenyOldUrls",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:*"],
                resources=[self.bucket_arn, self.arn_for_objects("*")],
                conditions={"NumericGreaterThan": {"s3:signatureAge": known.to_milliseconds()}},
            )
        )


def _cors_rule(origins: Sequence[str]) -> s3.CorsRule:
    return s3.CorsRule(
        allowed_origins=list(origins),
        allowed_methods=[s3.HttpMethods.PUT, s3.HttpMethods.GET, s3.HttpMethods.HEAD],
        # The signed headers of each URL decide which headers may be sent.
        allowed_headers=["*"],
        exposed_headers=["ETag", "x-amz-checksum-sha256"],
        max_age=3600,
    )


def _lifecycle_rules(
    expiration: Duration | None, prefix: str | None, abort_after: Duration
) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(
            id="AbortIncompleteMultipartUploads",
            abort_incomplete_multipart_upload_after=abort_after,
        )
    ]
    if expiration is not None:
        rules.append(s3.LifecycleRule(id="Expire", expiration=expiration, prefix=prefix))
    return rules


def _check(expiration: Duration | None, prefix: str | None, origins: Sequence[str]) -> None:
    if expiration is None:
        if prefix is not None:
            raise ValueError(
                f"expiration_prefix is {prefix!r}, but expiration is None, so nothing expires; "
                "give an expiration in days, or leave expiration_prefix out."
            )
    else:
        check_limit("expiration", expiration, BUCKET_RULE_DAYS)
    for origin in origins:
        check_format("an origin of cors_origins", origin, ORIGIN)
