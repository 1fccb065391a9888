"""Called for each stored video: reads its first bytes, which tell the container format."""

import os
from typing import Any

import boto3

s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: object) -> None:
    """Handle an event `FileStored` of EventBridge, which may come more than once."""
    file = event["detail"]
    answer = s3.get_object(Bucket=os.environ["BUCKET"], Key=file["key"], Range="bytes=0-11")
    print(file["file_id"], file["name"], answer["Body"].read())
