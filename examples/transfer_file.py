"""Upload a file, and download it again: python examples/transfer_file.py FILE COPY."""

import os
import sys

import wideload
import wideload.signin

url = os.environ["WIDELOAD_URL"]
ca_bundle = os.environ.get("WIDELOAD_CA_BUNDLE")
# Your own token, or the one that `wideload login` stored.
token = os.environ.get("WIDELOAD_TOKEN") or wideload.signin.stored_token(url, ca_bundle=ca_bundle)
with wideload.Client(url, token=token, ca_bundle=ca_bundle) as client:
    result = client.files.upload(sys.argv[1])
    print(result.file.file_id, f"{result.bytes_sent:,} bytes sent")
    client.files.download(result.file.file_id, to=sys.argv[2])
