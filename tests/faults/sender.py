"""A program that sends one file through S3 as a job that may be run again: to be killed.

    python sender.py API_URL KEY_HEADER API_KEY IDEMPOTENCY_KEY FILE [UPLOADS_URL]

Prints state, payload id and SHA-256 as it was told. `UPLOADS_URL` is where it really PUTs to.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

ATTEMPTS = 40
"""Those of some 60 s."""
STEPS = {
    "before the answer to /get-upload-url": ("api POST get-upload-url", "after"),
    "before its PUT came through": ("s3 PUT transit", "before"),
    "amid its PUT": ("s3 PUT transit", "amid request"),
    "before the answer to its PUT": ("s3 PUT transit", "after"),
    "before its claim came through": ("api POST send-call-log", "before"),
    "before the answer to its claim": ("api POST send-call-log", "after"),
}
"""Where it can be killed: the request, and how far that came."""
UPLOADED = list(STEPS)[3:]
"""Those after which S3 has the file."""


def start(
    *, api_url: str, header: str, api_key: str, key: str, file: Path, uploads_url: str = ""
) -> subprocess.Popen[bytes]:
    """Run it, in a process of its own."""
    arguments = [api_url, header, api_key, key, str(file), uploads_url]
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE)


def main() -> None:
    url, header, api_key, key, file, uploads_url = sys.argv[1:]
    http = urllib3.PoolManager(timeout=60, retries=False)
    body = Path(file).read_bytes()

    def call(path: str, members: dict[str, Any]) -> Any:
        headers = {header: api_key, "Idempotency-Key": key}
        for attempt in range(ATTEMPTS):
            answer = http.request("POST", url + path, json=members, headers=headers)
            if answer.status in (200, 202):
                return answer.json()
            time.sleep(min(2, 0.1 * attempt))
        sys.exit(f"{path}: {answer.status} {answer.data!r}")

    announced = {"content_length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    issued = call("/get-upload-url", announced)
    target = urlsplit(issued["upload_url"])
    where = target._replace(netloc=urlsplit(uploads_url).netloc or target.netloc)
    headers = {**issued["headers"], "Host": target.netloc}
    for attempt in range(ATTEMPTS):
        put = http.request("PUT", where.geturl(), body=body, headers=headers)
        if put.status in (200, 412):  # 412: it is there already
            break
        time.sleep(min(2, 0.1 * attempt))
    told = call("/send-call-log", {"s3_key": issued["s3_key"]})
    sys.stdout.write(f"{told['state']} {told['payload_id']} {told.get('sha256')}\n")


if __name__ == "__main__":
    main()
