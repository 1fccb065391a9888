"""Program that transfers files by boto3, as the benchmarks' peer; needs boto3 alone.

    boto3_program.py upload BUCKET PATH    a file, or the files of a folder: 8 at once
    boto3_program.py download BUCKET KEY FILE
    boto3_program.py send BUCKET DOCUMENT [--gzip]    parse JSON, serialize it, PUT it

Endpoint, certificates and credentials come from the environment, as in every program of boto3.
"""

from __future__ import annotations

import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config


def main(action: str, bucket: str, *arguments: str) -> None:
    """Do what the command line says."""
    config = Config(s3={"addressing_style": "path"}, max_pool_connections=10)
    s3 = boto3.client("s3", config=config)
    if action == "download":
        s3.download_file(bucket, *arguments)
    elif action == "send":
        path = Path(arguments[0])
        document = json.loads(path.read_bytes())
        body = json.dumps(document).encode()
        if "--gzip" in arguments:
            body = gzip.compress(body)
        s3.put_object(Bucket=bucket, Key=path.name, Body=body)
    else:
        path = Path(*arguments)
        paths = path.iterdir() if path.is_dir() else [path]
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(s3.upload_file, str(one), bucket, one.name) for one in paths]:
                done.result()


if __name__ == "__main__":
    main(*sys.argv[1:])
