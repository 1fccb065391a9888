"""Another team's app: a queue for each payload of a deployment that it doesn't make itself."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from wideload_cdk import PayloadIngest

app = cdk.App()
stack = cdk.Stack(app, "Search")
ingest = PayloadIngest.from_payload_ingest_attributes(
    stack,
    "Ingest",
    environment_name="prod",
    bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "BUCKET"),
    payloads_table=dynamodb.Table.from_table_name(stack, "Payloads", "TABLE"),
)
stored = sqs.Queue(stack, "Stored")
ingest.on_payload_stored("ToQueue", target=targets.SqsQueue(stored))
indexer = iam.Role(stack, "Indexer", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
ingest.grant_read_documents(indexer, tenant="acme")
app.synth()
