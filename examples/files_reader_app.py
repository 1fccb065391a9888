"""Another team's app: a role that reads the files of a deployment that it doesn't make itself."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from wideload_cdk import FileTransfer

app = cdk.App()
stack = cdk.Stack(app, "Films")
files = FileTransfer.from_file_transfer_attributes(
    stack,
    "Files",
    environment_name="prod",
    bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "BUCKET"),
    files_table=dynamodb.Table.from_table_name(stack, "Table", "TABLE"),
)
encoder = iam.Role(stack, "Encoder", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
files.grant_read_files(encoder)
stored = sqs.Queue(stack, "Stored")
files.on_file_stored("ToQueue", target=targets.SqsQueue(stored))
app.synth()
