"""Call a function for each stored video, and let it read the file."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from wideload_cdk import FileTransfer

app = cdk.App()
stack = cdk.Stack(app, "Videos")
files = FileTransfer(stack, "Files")
inspect = lambda_.Function(
    stack,
    "Inspect",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="handler.handler",
    code=lambda_.Code.from_asset(
        str(Path(__file__).parent / "file_subscriber"), exclude=["__pycache__"]
    ),
    timeout=cdk.Duration.minutes(1),
    environment={"BUCKET": files.bucket.bucket_name},
)
files.grant_read_files(inspect)
files.on_file_stored(
    "ToInspect",
    target=targets.LambdaFunction(inspect),
    detail={"content_type": [{"prefix": "video/"}]},
)
app.synth()
