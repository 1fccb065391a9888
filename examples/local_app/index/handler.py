"""Called for each stored payload."""

import os
from typing import Any

import boto3

payloads = boto3.resource("dynamodb").Table(os.environ["PAYLOADS_TABLE"])


def handler(event: dict[str, Any], context: object) -> None:
    """Handle an event `PayloadStored` of EventBridge, which may come more than once."""
    payload_id = event["detail"]["payload_id"]
    item = payloads.get_item(Key={"payload_id": payload_id})["Item"]
    print(f"{payload_id} has {item['records']} records")
