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

    Without it S3 answers 403 instead of 404 for a key that is not there. For that decision
    S3 seems to take the requested key as `s3:prefix`, so that the condition holds there too
    (https://github.com/ceph/ceph/pull/68577); AWS documents neither, and the runtime takes both.
    """
    return iam.Grant.add_to_principal_or_resource(
        grantee=grantee,
        actions=["s3:ListBucket"],
        resource_arns=[bucket.bucket_arn],
        resource=bucket,
        conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
    )


def grant_bucket_key(bucket: s3.IBucket, grantee: iam.IGrantable) -> None:
    """Grant what reading, writing and multipart need of the bucket's key, if it has one.

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
    """Grant `actions` on the table itself, not on its indexes; and its key, if it has one.

    With `partition_key`, on the items with this one alone.
    """
    if table.encryption_key is not None:
        # Reading or writing, DynamoDB decrypts the table's own key in the caller's name, and
        # asks nothing else of the caller:
        # https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
        table.encryption_key.grant(grantee, "kms:Decrypt")
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=list(actions),
        resource_arns=[table.table_arn],
        # "ForAllValues" holds also where a request names no key; those on items always do.
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
    """Grant what a Lambda event source needs to read the table's stream; and its key.

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
    """Let one EventBridge rule, and no other, send to the queue."""
    grants_to = iam.ServicePrincipal("events.amazonaws.com")
    if queue.encryption_master_key is not None:
        # Without a condition: EventBridge uses a target's key without telling for whose rule, so
        # with `aws:SourceAccount` rule and dead letters would fail together. AWS says so of topics
        # ("not supported for EventBridge-to-encrypted topics"), and shows keys of queues without:
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        # Whose rule it is, the queue's own policy says.
        queue.encryption_master_key.grant(grants_to, "kms:Decrypt", "kms:GenerateDataKey")
    queue.grant(
        grants_to.with_conditions({"ArnEquals": {"aws:SourceArn": rule.rule_arn}}),
        "sqs:SendMessage",
    )


def grant_consume(queue: sqs.IQueue, grantee: iam.IGrantable) -> iam.Grant:
    """Grant what a Lambda event source needs to take messages from the queue; and its key.

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
    """Grant `sqs:SendMessage`, and the queue's key, if it has one."""
    if queue.encryption_master_key is not None:
        queue.encryption_master_key.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey")
    return iam.Grant.add_to_principal_or_resource(
        grantee=grantee,
        actions=["sqs:SendMessage"],
        resource_arns=[queue.queue_arn],
        resource=queue,
    )
