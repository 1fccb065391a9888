"""The APIs in front of the cheap S3: the functions' own code over tables in memory.

    PYTHONPATH=lambda_src python -m bench.cheap_end.api files S3_URL [--certificate PEM --key PEM]

Prints its URL and the credential that it accepts. Presigned URLs lead to S3_URL, which stores
nothing: what the API has signed counts as stored.
"""

from __future__ import annotations

import argparse
import base64
import signal
import ssl
from typing import Any

from bench.cheap_end.s3 import BUCKET
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.http import serving_at
from tests.fake_aws.ingest import API_KEY, URL_SECONDS, IngestService
from tests.fake_aws.s3 import Body, FakeS3
from tests.fake_aws.wire import Wire
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.adapters.ingest_bucket import IngestBucket


class SignedIsStored(FakeS3):
    """A bucket that holds an object, or a part, as soon as its PUT is signed."""

    def generate_presigned_url(
        self,
        operation: str,
        *,
        Params: dict[str, Any],  # noqa: N803
        ExpiresIn: int,  # noqa: N803
    ) -> str:
        """Sign, and store the size and the hash that are signed."""
        url = super().generate_presigned_url(operation, Params=Params, ExpiresIn=ExpiresIn)
        if "ChecksumSHA256" in Params:
            body = Body(Params["ContentLength"], base64.b64decode(Params["ChecksumSHA256"]).hex())
            if operation == "upload_part":
                self.store_part(Params["Key"], Params["UploadId"], Params["PartNumber"], body)
            else:
                self.store(Params["Key"], body)
        return url

    def get_object(self, *, Key: str, **options: Any) -> dict[str, Any]:  # noqa: N803
        """Answer with the size that was signed, and no content."""
        return {
            **super().get_object(Key=Key, **options),
            "ContentLength": self.objects[Key].size,
        }


class CheapFiles(FilesService):
    """File transfer whose objects are in the cheap S3 at `s3_url`."""

    def __init__(self, root: str, s3_url: str) -> None:
        super().__init__(root)
        self.bucket = SignedIsStored(Wire(), self.now, endpoint=s3_url, bucket=BUCKET)
        self._contents = FilesBucket(self.bucket, BUCKET)


class CheapIngest(IngestService):
    """Payload ingest whose objects are in the cheap S3 at `s3_url`; it queues each one."""

    def __init__(self, root: str, s3_url: str) -> None:
        super().__init__(root)
        self.in_request_limit = 0
        self.bucket = SignedIsStored(Wire(), self.now, endpoint=s3_url, bucket=BUCKET)
        self._objects = IngestBucket(self.bucket, BUCKET, url_seconds=URL_SECONDS)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("api", choices=("files", "ingest"))
    parser.add_argument("s3_url")
    parser.add_argument("--certificate", help="serve TLS with this certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    tls = None
    if arguments.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    make, credential = {"files": (CheapFiles, TOKEN), "ingest": (CheapIngest, API_KEY)}[
        arguments.api
    ]
    with serving_at(lambda root: make(root, arguments.s3_url), tls) as service:
        print(service.url, credential, flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
