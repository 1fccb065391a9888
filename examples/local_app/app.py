"""Call logs and files, and a function that is called for each stored call log."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from wideload_cdk import FileTransfer, PayloadIngest

app = cdk.App()
stack = cdk.Stack(app, "Transfers")
ingest = PayloadIngest(stack, "Ingest")
FileTransfer(stack, "Files", endpoint_url=app.node.try_get_context("endpoint_url"))

index = lambda_.Function(
    stack,
    "Index",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="handler.handler",
    code=lambda_.Code.from_asset(str(Path(__file__).parent / "index"), exclude=["__pycache__"]),
    environment={"PAYLOADS_TABLE": ingest.payloads_table.table_name},
)
ingest.grant_read_documents(index)
ingest.on_payload_stored("ToIndex", target=targets.LambdaFunction(index))
cdk.CfnOutput(stack, "IndexFunction", value=index.function_name)
app.synth()
