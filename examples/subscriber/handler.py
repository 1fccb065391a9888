"""Called for each stored payload: reads its document, whatever its size.

The function's folder holds this file and the client: `pip install --target subscriber wideload`.
"""

import json
import os
from typing import Any

from wideload.documents import DocumentReader

reader = DocumentReader(os.environ["PAYLOADS_TABLE"], os.environ["BUCKET"])


def handler(event: dict[str, Any], context: object) -> None:
    """Handle an event `PayloadStored` of EventBridge, which may come more than once."""
    payload_id = event["detail"]["payload_id"]
    document = json.loads(reader.read(payload_id))
    print(payload_id, len(document["transcript_with_metrics"]))
