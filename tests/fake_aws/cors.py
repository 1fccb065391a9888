"""CORS of the API and of S3."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fake_aws.messages import Fault, Seen, s3_error


@dataclass
class Cors:
    """A CORS configuration.

    Attributes:
        origin: The one whose pages are let in.
        of_s3: S3 judges method and headers itself and refuses; API Gateway lists what it allows.
    """

    origin: str
    methods: str
    headers: str
    exposes: str
    of_s3: bool = False

    def preflight(self, seen: Seen) -> Fault:
        """The answer to an OPTIONS request."""
        wanted = seen.headers.get("access-control-request-headers", "").split(",")
        method = seen.headers.get("access-control-request-method", "")
        allowed = self.headers.lower().split(",")
        lets = self._lets_in(seen)
        if self.of_s3:
            lets = lets and method in self.methods.split(",")
            lets = lets and (allowed == ["*"] or set(wanted) <= set(allowed))
            if not lets:
                return s3_error(403, "AccessForbidden")
        if not lets:
            return Fault(204)
        headers = {
            "Access-Control-Allow-Methods": self.methods,
            "Access-Control-Allow-Headers": ",".join(wanted) if self.of_s3 else self.headers,
        }
        return Fault(200 if self.of_s3 else 204, b"", headers)

    def shown(self, seen: Seen) -> dict[str, str]:
        """Headers of any answer to a page that is let in."""
        if not self._lets_in(seen):
            return {}
        exposed = {"Access-Control-Expose-Headers": self.exposes} if self.exposes else {}
        return {"Access-Control-Allow-Origin": self.origin, **exposed}

    def _lets_in(self, seen: Seen) -> bool:
        return seen.headers.get("origin") == self.origin


def of_api(origin: str) -> Cors:
    """As `FileTransfer` configures its API."""
    return Cors(origin, "GET,POST,PATCH,DELETE", "authorization,content-type", "retry-after")


def of_ingest_api(origin: str) -> Cors:
    """As `PayloadIngest` configures its API."""
    return Cors(origin, "GET,POST,DELETE", "x-api-key,content-type,idempotency-key", "retry-after")


def of_bucket(origin: str) -> Cors:
    """As `TransferBucket` configures itself."""
    return Cors(origin, "PUT,GET,HEAD", "*", "ETag, x-amz-checksum-sha256", of_s3=True)
