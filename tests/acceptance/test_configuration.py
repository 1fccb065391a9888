"""Configuration, as AWS reports it of what is deployed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import urllib3
from botocore.exceptions import ClientError

from tests.acceptance.conftest import needs
from tests.acceptance.deployment import Deployment

BUCKET, TABLE, QUEUE = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue"
LOG_GROUP, FUNCTION = "AWS::Logs::LogGroup", "AWS::Lambda::Function"
DISTRIBUTION, SECURE = "AWS::CloudFront::Distribution", "aws:SecureTransport"

Seen = Callable[[str], None]


def test_every_bucket_is_encrypted(deployment: Deployment, seen: Seen) -> None:
    algorithms = set()
    for bucket in deployment.of_type(BUCKET):
        answer = deployment.client("s3").get_bucket_encryption(Bucket=bucket.id)
        [rule] = answer["ServerSideEncryptionConfiguration"]["Rules"]
        default = rule["ApplyServerSideEncryptionByDefault"]
        wanted = {"AES256", "aws:kms"}
        # With a key of the stack's own, all but access logs are under it.
        if deployment.of_type("AWS::KMS::Key", bucket.service) and "AccessLogs" not in bucket.name:
            wanted = {"aws:kms"}
        assert default["SSEAlgorithm"] in wanted, f"{bucket.id}: {default}"
        algorithms.add(default["SSEAlgorithm"])
    assert algorithms
    seen(" and ".join(sorted(algorithms)))


def test_every_table_and_queue_is_encrypted(deployment: Deployment, seen: Seen) -> None:
    dynamodb, sqs, ways = deployment.client("dynamodb"), deployment.client("sqs"), set()
    for table in deployment.of_type(TABLE):
        # Without a description, by a key that DynamoDB owns.
        found = dynamodb.describe_table(TableName=table.id)["Table"].get("SSEDescription", {})
        own_key = deployment.of_type("AWS::KMS::Key", table.service)
        assert not own_key or (found.get("SSEType"), found.get("Status")) == ("KMS", "ENABLED"), (
            f"{table.id}: {found}"
        )
        ways.add(f"tables by {found.get('SSEType', 'a key of DynamoDB')}")
    for queue in deployment.of_type(QUEUE):
        found = sqs.get_queue_attributes(QueueUrl=queue.id, AttributeNames=["All"])["Attributes"]
        own_key = found.get("KmsMasterKeyId")
        assert own_key or found.get("SqsManagedSseEnabled") == "true", f"{queue.id}: {found}"
        ways.add(f"queues by {'KMS' if own_key else 'a key of SQS'}")
    assert ways
    seen(", ".join(sorted(ways)))


def test_every_bucket_blocks_public_access(deployment: Deployment, seen: Seen) -> None:
    for bucket in deployment.of_type(BUCKET):
        answer = _or_none(deployment.client("s3").get_public_access_block, bucket.id)
        blocked = answer["PublicAccessBlockConfiguration"] if answer else {}
        assert len(blocked) == 4 and all(blocked.values()), f"{bucket.id}: {blocked}"  # noqa: PT018
    seen(_count(deployment, BUCKET, "bucket"))


def test_no_bucket_but_for_logs_knows_access_control_lists(
    deployment: Deployment, seen: Seen
) -> None:
    """CloudFront delivers its logs by one."""
    buckets = [one["BucketName"] for one in deployment.outputs.values() if "BucketName" in one]
    assert buckets
    for bucket in buckets:
        answer = _or_none(deployment.client("s3").get_bucket_ownership_controls, bucket)
        rules = answer["OwnershipControls"]["Rules"] if answer else []
        assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}], f"{bucket}: {rules}"
    seen(f"{len(buckets)} buckets")


def test_every_bucket_policy_denies_plain_http(deployment: Deployment, seen: Seen) -> None:
    for bucket in deployment.of_type(BUCKET):
        answer = _or_none(deployment.client("s3").get_bucket_policy, bucket.id)
        policy = json.loads(answer["Policy"]) if answer else {"Statement": []}
        assert any(
            statement["Effect"] == "Deny"
            and statement["Action"] == "s3:*"
            and statement["Principal"] in ("*", {"AWS": "*"})
            and statement.get("Condition", {}).get("Bool", {}).get(SECURE) == "false"
            for statement in policy["Statement"]
        ), f"{bucket.id} denies nothing for {SECURE}"
    seen(_count(deployment, BUCKET, "bucket"))


def test_unfinished_multipart_uploads_are_aborted_by_lifecycle(
    deployment: Deployment, seen: Seen
) -> None:
    for service, bucket in _transfer_buckets(deployment):
        days = [
            rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
            for rule in _lifecycle(deployment, bucket)
            if "AbortIncompleteMultipartUpload" in rule and not _prefix(rule)
        ]
        assert days, f"{bucket} has no rule that aborts unfinished uploads"
        seen(f"{service} after {min(days)} days")


def test_uploads_in_transit_expire_by_lifecycle(deployment: Deployment, seen: Seen) -> None:
    needs(deployment, "ingest")
    bucket = deployment.outputs["ingest"]["BucketName"]
    days = [
        rule["Expiration"]["Days"]
        for rule in _lifecycle(deployment, bucket)
        if "Days" in rule.get("Expiration", {}) and _prefix(rule).startswith("transit")
    ]
    assert days, f"{bucket} has no rule that deletes what is in transit"
    seen(f"after {min(days)} days")


def test_access_logs_expire_by_lifecycle(deployment: Deployment, seen: Seen) -> None:
    logs = [bucket for bucket in deployment.of_type(BUCKET) if "AccessLogs" in bucket.name]
    assert logs
    for bucket in logs:
        days = [
            rule["Expiration"]["Days"]
            for rule in _lifecycle(deployment, bucket.id)
            if "Days" in rule.get("Expiration", {}) and not _prefix(rule)
        ]
        assert days, f"{bucket.id} keeps access logs for ever"
        seen(f"{bucket.service} after {min(days)} days")


def test_expired_items_are_deleted_by_the_tables(deployment: Deployment, seen: Seen) -> None:
    for service, output in (("ingest", "PayloadsTableName"), ("files", "TableName")):
        if deployment.has(service):
            table = deployment.outputs[service][output]
            answer = deployment.client("dynamodb").describe_time_to_live(TableName=table)
            found = answer["TimeToLiveDescription"]
            assert found.get("AttributeName") == "expires_at", f"{table}: {found}"
            assert found["TimeToLiveStatus"] in ("ENABLED", "ENABLING"), f"{table}: {found}"
            seen(f"{service} by {found['AttributeName']}")


def test_tables_can_be_restored_to_any_time_where_the_template_says_so(
    deployment: Deployment, seen: Seen
) -> None:
    states = set()
    for table in deployment.of_type(TABLE):
        declared = table.properties["PointInTimeRecoverySpecification"]
        wanted = "ENABLED" if declared["PointInTimeRecoveryEnabled"] else "DISABLED"
        answer = deployment.client("dynamodb").describe_continuous_backups(TableName=table.id)
        found = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert found["PointInTimeRecoveryStatus"] == wanted, f"{table.id}: {found}"
        states.add(wanted)
    assert states
    seen(", ".join(states))


def test_logs_are_kept_for_as_long_as_the_template_says(deployment: Deployment, seen: Seen) -> None:
    logs, days = deployment.client("logs"), set()
    for group in deployment.of_type(LOG_GROUP):
        groups = logs.describe_log_groups(logGroupNamePrefix=group.id)["logGroups"]
        [found] = [one for one in groups if one["logGroupName"] == group.id]
        kept = found.get("retentionInDays")
        assert kept == group.properties["RetentionInDays"], f"{group.id} is kept {kept} days"
        days.add(kept)
    assert days
    seen(f"{', '.join(map(str, sorted(days)))} days")


def test_no_function_has_lambda_drop_its_metrics(deployment: Deployment, seen: Seen) -> None:
    """Lambda takes a line without a level, as those with metrics are, for INFO.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    levels = set()
    for function in deployment.of_type(FUNCTION, "ingest", "files"):
        found = deployment.client("lambda").get_function_configuration(FunctionName=function.id)
        level = found["LoggingConfig"].get("ApplicationLogLevel", "INFO")
        assert level in ("TRACE", "DEBUG", "INFO"), f"{function.id} logs from {level}"
        levels.add(level)
    assert levels
    seen(f"Lambda hands on from {', '.join(sorted(levels))}")


def test_the_page_takes_no_plain_http(deployment: Deployment, seen: Seen) -> None:
    needs(deployment, "web")
    [distribution] = deployment.of_type(DISTRIBUTION, "web")
    found = deployment.client("cloudfront").get_distribution_config(Id=distribution.id)
    behaviour = found["DistributionConfig"]["DefaultCacheBehavior"]
    assert behaviour["ViewerProtocolPolicy"] in ("redirect-to-https", "https-only")
    seen(behaviour["ViewerProtocolPolicy"])


def test_plain_http_is_refused(deployment: Deployment, seen: Seen) -> None:
    """An API listens at port 443 alone; a bucket answers 403 to what it allows over TLS."""
    for service, bucket in _transfer_buckets(deployment):
        # By a signature: without one a bucket refuses everything.
        url = deployment.client("s3").generate_presigned_url(
            ClientMethod="list_objects_v2", Params={"Bucket": bucket, "MaxKeys": 1}
        )
        by_tls = _status(url)
        assert by_tls == 200, f"{bucket} over TLS: {by_tls}"
        urls = f"{deployment.outputs[service]['ApiUrl']}/", url
        answers = [_status(one.replace("https://", "http://", 1)) for one in urls]
        assert all(answer in (None, 403) for answer in answers), answers
        words = ["no answer" if answer is None else str(answer) for answer in answers]
        seen(f"{service}: API {words[0]}, bucket {words[1]}")


def _status(url: str) -> int | None:
    """Status of the answer to a GET; None if there is none."""
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        try:
            return int(pool.request("GET", url, redirect=False).status)
        except urllib3.exceptions.HTTPError:
            return None


def _transfer_buckets(deployment: Deployment) -> list[tuple[str, str]]:
    """Services, with the buckets to which clients send."""
    return [
        (service, deployment.outputs[service]["BucketName"])
        for service in ("ingest", "files")
        if deployment.has(service)
    ]


def _lifecycle(deployment: Deployment, bucket: str) -> list[dict[str, Any]]:
    """Rules that are switched on."""
    answer = _or_none(deployment.client("s3").get_bucket_lifecycle_configuration, bucket)
    return [rule for rule in answer["Rules"] if rule["Status"] == "Enabled"] if answer else []


def _prefix(rule: dict[str, Any]) -> str:
    """Prefix of the keys that a lifecycle rule applies to; empty: all."""
    where = rule.get("Filter", {})
    prefix: str = rule.get("Prefix") or where.get("Prefix") or where.get("And", {}).get("Prefix")
    return prefix or ""


def _or_none(ask: Callable[..., dict[str, Any]], bucket: str) -> dict[str, Any] | None:
    """S3's answer about a bucket, or None if it has no such configuration."""
    try:
        return ask(Bucket=bucket)
    except ClientError as error:
        # NoSuchPublicAccessBlockConfiguration, NoSuchBucketPolicy, …
        if not error.response["Error"]["Code"].endswith(
            ("Configuration", "Policy", "NotFoundError")
        ):
            raise
        return None


def _count(deployment: Deployment, kind: str, what: str) -> str:
    count = len(deployment.of_type(kind))
    assert count, f"The environment has no {what}."
    return f"{count} {what}s"
