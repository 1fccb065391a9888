"""Grants narrower than those of the CDK: exact actions on one prefix or table.

`bucket.grant_put` also gives tagging, legal hold and retention, `bucket.grant_read` every
`s3:GetBucket*` and `s3:List*` of the whole bucket, `table.grant_read_write_data` scans and
batches on every index, `queue.grant_send_messages` reading the queue's attributes, and
`queue.grant_consume_messages` its URL and hiding messages for longer.
"""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs


def grant_objects(
    bucket: s3.IBucket, grantee: iam.IGrantable, prefix: str, *actions: str
) -> iam.Grant:
    """Grant `actions` on the objects whose keys start with `prefix`."""
    return iam.Grant.add_to_principal_or_resource(
        grantee=grantee,
        actions=list(actions),
        resource_arns=[bucket.arn_for_objects(f"{prefix}*")],
        resource=bucket,
    )


def grant_list(bucket: s3.IBucket, grantee: iam.IGrantable, prefix: str) -> iam.Grant:
    """Grant `s3:ListBucket` for keys that start with `prefix`.

    Without it S3 answers 403 instead of 404 for a missing key. For that decision S3 seems to use
    the requested key as `s3:prefix`, so that the condition holds there too
    (https://github.com/ceph/ceph/pull/68577). AWS documents neither, and the runtime handles both.
    """
    return iam.Grant.add_to_principal_or_resource(
        grantee=grantee,
        actions=["s3:ListBucket"],
        resource_arns=[bucket.bucket_arn],
        resource=bucket,
        conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
    )


def grant_bucket_key(bucket: s3.IBucket, grantee: iam.IGrantable) -> None:
    """Grant the use of the bucket's key for reading, writing and multipart, if it has one.

    Multipart uploads need `kms:Decrypt` even when nothing is read.
    """
    if bucket.encryption_key is not None:
        bucket.encryption_key.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey")


def grant_items(
    table: dynamodb.ITable,
    grantee: iam.IGrantable,
    *actions: str,
    partition_key: str | None = None,
) -> iam.Grant:
    """Grant `actions` on the table, not on its indexes, and the use of its key, if it has one.

    With `partition_key`, only on the items that have it.
    """
    if table.encryption_key is not None:
        # For reads and writes, DynamoDB decrypts the table key on behalf of the caller, who needs
        # no other permission:
        # https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
        table.encryption_key.grant(grantee, "kms:Decrypt")
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=list(actions),
        resource_arns=[table.table_arn],
        # "ForAllValues" is also true for a request without a key; requests on items have one.
        conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [partition_key]}}
        if partition_key
        else None,
    )


def grant_query(table: dynamodb.ITable, grantee: iam.IGrantable, index: str) -> iam.Grant:
    """Grant `dynamodb:Query` on one index."""
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["dynamodb:Query"],
        resource_arns=[f"{table.table_arn}/index/{index}"],
    )


def grant_stream(table: dynamodb.ITable, grantee: iam.IGrantable) -> iam.Grant:
    """Grant a Lambda event source the table's stream, and the use of its key, if it has one.

    `table.grant_stream_read` would give `dynamodb:ListStreams` on every table.
    """
    if table.encryption_key is not None:
        table.encryption_key.grant(grantee, "kms:Decrypt")
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=[
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        ],
        resource_arns=[table.table_stream_arn or ""],
    )


def grant_rule(queue: sqs.IQueue, rule: events.Rule) -> None:
    """Allow one EventBridge rule, and no other, to send to the queue."""
    grants_to = iam.ServicePrincipal("events.amazonaws.com")
    if queue.encryption_master_key is not None:
        # Without a condition: EventBridge uses a target's key without naming the rule, so that with
        # `aws:SourceAccount` both the rule and its dead letters would fail. AWS documents this for
        # topics ("not supported for EventBridge-to-encrypted topics"), and its examples for queues
        # have no condition:
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        # The queue's own policy names the rule.
        queue.encryption_master_key.grant(grants_to, "kms:Decrypt", "kms:GenerateDataKey")
    queue.grant(
        grants_to.with_conditions({"ArnEquals": {"aws:SourceArn": rule.rule_arn}}),
        "sqs:SendMessage",
    )


def grant_consume(queue: sqs.IQueue, grantee: iam.IGrantable) -> iam.Grant:
    """Grant a Lambda event source the queue's messages, and the use of its key, if it has one.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    if queue.encryption_master_key is not None:
        queue.encryption_master_key.grant(grantee, "kms:Decrypt")
    return iam.Grant.add_to_principal_or_resource(
        grantee=grantee,
        actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        resource_arns=[queue.queue_arn],
        resource=queue,
    )


def grant_send(queue: sqs.IQueue, grantee: iam.IGrantable) -> iam.Grant:
    """Grant `sqs:SendMessage`, and the use of the queue's key, if it has one."""
    if queue.encryption_master_key is not None:
        queue.encryption_master_key.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey")
    return iam.Grant.add_to_principal_or_resource(
        grantee=grantee,
        actions=["sqs:SendMessage"],
        resource_arns=[queue.queue_arn],
        resource=queue,
    )
