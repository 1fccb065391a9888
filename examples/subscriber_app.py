"""Call a function for each stored payload, and let it read the document."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from wideload_cdk import PayloadIngest

app = cdk.App()
stack = cdk.Stack(app, "Index")
ingest = PayloadIngest(stack, "Ingest")
index = lambda_.Function(
    stack,
    "Index",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="handler.handler",
    code=lambda_.Code.from_asset(
        str(Path(__file__).parent / "subscriber"), exclude=["__pycache__"]
    ),
    memory_size=512,
    timeout=cdk.Duration.minutes(1),
    environment={
        "PAYLOADS_TABLE": ingest.payloads_table.table_name,
        "BUCKET": ingest.bucket.bucket_name,
    },
)
ingest.grant_read_documents(index)
ingest.on_payload_stored("ToIndex", target=targets.LambdaFunction(index))
app.synth()
