"""Decide by a function which files are taken."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from wideload_cdk import FileTransfer

app = cdk.App()
stack = cdk.Stack(app, "Videos")
authorize = lambda_.Function(
    stack,
    "Authorize",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="handler.handler",
    code=lambda_.Code.from_asset(str(Path(__file__).parent / "authorize"), exclude=["__pycache__"]),
    # API Gateway's client waits for it.
    memory_size=512,
    timeout=cdk.Duration.seconds(3),
)
FileTransfer(stack, "Files", authorize=authorize)
app.synth()
