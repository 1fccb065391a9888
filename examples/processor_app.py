"""Payload ingest with a custom processor: `cdk synth --app "python processor_app.py"`."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from wideload_cdk import PayloadIngest

app = cdk.App()
stack = cdk.Stack(app, "Rows")

rows = dynamodb.Table(
    stack,
    "Rows",
    partition_key=dynamodb.Attribute(name="payload_id", type=dynamodb.AttributeType.STRING),
    sort_key=dynamodb.Attribute(name="line", type=dynamodb.AttributeType.NUMBER),
    billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
)
processor = lambda_.Function(
    stack,
    "Processor",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="handler.handler",
    code=lambda_.Code.from_asset(str(Path(__file__).parent / "processor"), exclude=["__pycache__"]),
    memory_size=512,
    timeout=cdk.Duration.minutes(5),
    environment={"ROWS_TABLE": rows.table_name},
)
rows.grant(processor, "dynamodb:BatchWriteItem")

# Every claim is queued for the processor, also for small payloads; the construct grants its
# permissions.
ingest = PayloadIngest(stack, "Ingest", processor=processor, in_request_limit=1)
processor.add_environment("PAYLOADS_TABLE", ingest.payloads_table.table_name)
processor.add_environment("BUCKET", ingest.bucket.bucket_name)

# Another team gets an event of each failed payload, without code here.
failures = sqs.Queue(stack, "Failures")
ingest.on_payload_failed("ToFailures", target=targets.SqsQueue(failures))

cdk.CfnOutput(stack, "ApiUrl", value=ingest.api_url)
app.synth()
