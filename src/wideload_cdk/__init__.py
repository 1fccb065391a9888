"""AWS CDK constructs for payloads and files too large for API Gateway and Lambda."""

from wideload_cdk.files.construct import FileTransfer
from wideload_cdk.ingest.canary import IngestCanary
from wideload_cdk.ingest.construct import PayloadIngest
from wideload_cdk.monitoring.construct import TransferMonitoring
from wideload_cdk.private_network import PrivateNetwork
from wideload_cdk.shared.bucket import TransferBucket
from wideload_cdk.web.construct import WebApp
from wideload_cdk.web.content import WebContent

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
