"""AWS CDK constructs for payloads and files too large for API Gateway and Lambda."""

from wideload_cdk.file_transfer import FileTransfer
from wideload_cdk.ingest_canary import IngestCanary
from wideload_cdk.payload_ingest import PayloadIngest
from wideload_cdk.private_network import PrivateNetwork
from wideload_cdk.transfer_bucket import TransferBucket
from wideload_cdk.transfer_monitoring import TransferMonitoring
from wideload_cdk.web_app import WebApp
from wideload_cdk.web_content import WebContent

__all__ = [
    "FileTransfer",
    "IngestCanary",
    "PayloadIngest",
    "PrivateNetwork",
    "TransferBucket",
    "TransferMonitoring",
    "WebApp",
    "WebContent",
]
