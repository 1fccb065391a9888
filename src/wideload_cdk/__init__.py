"""AWS CDK constructs for payloads and files too large for API Gateway and Lambda."""

from wideload_cdk.payload_ingest import PayloadIngest
from wideload_cdk.transfer_bucket import TransferBucket

__all__ = ["PayloadIngest", "TransferBucket"]
