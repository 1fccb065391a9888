"""Send a call log of any size: `WIDELOAD_URL=… WIDELOAD_API_KEY=… python send_call_log.py`."""

import os

import wideload

with wideload.Client(
    os.environ["WIDELOAD_URL"],
    api_key=os.environ["WIDELOAD_API_KEY"],
    ca_bundle=os.environ.get("WIDELOAD_CA_BUNDLE"),
) as client:
    receipt = client.send({"call_id": "c-1", "transcript_with_metrics": [{"turn_id": "1"}]})
    print(receipt.payload_id, receipt.state)
    print(client.document(receipt.payload_id).decode())
