"""A guard that finds changed logical ids of stateful resources.

A new logical id makes a new resource: the old one is deleted, or left behind, with its data.
"""

from __future__ import annotations

from typing import Any

# Change these only with a migration of the data.
STATEFUL: dict[str, dict[str, set[str]]] = {
    "ingest": {
        "AWS::S3::Bucket": {"IngestBucketEDD8587D", "IngestBucketAccessLogs3B7D0005"},
        "AWS::DynamoDB::Table": {"IngestPayloadsAD6DBC25", "IngestKeysAE89F547"},
        "AWS::SQS::Queue": {
            "IngestQueue95F6DB49",
            "IngestDeadLetterQueueE8016E9B",
            "IngestEventDeadLetterQueueABCDDC81",
        },
        "AWS::Logs::LogGroup": {
            "IngestApiFunctionLogsBFB45B12",
            "IngestWorkerLogs78B41E0F",
            "IngestSweepLogs574263FB",
            "IngestEventsLogs02A5CE31",
            "IngestAuthorizerLogsDAC0B5FC",
            "IngestApiAccessLogA80F1F81",
        },
        # Its id is in the URL that clients know.
        "AWS::ApiGatewayV2::Api": {"IngestApiE2DAED7B"},
    },
    "files": {
        "AWS::S3::Bucket": {"FilesBucket7C17EE2E", "FilesBucketAccessLogs685C2A98"},
        "AWS::DynamoDB::Table": {"FilesTableBFDD0A3F"},
        "AWS::SQS::Queue": {
            "FilesVerifyQueue92CF08DF",
            "FilesDeadLetterQueue6823905B",
            "FilesEventDeadLetterQueue5F87BA90",
        },
        "AWS::Logs::LogGroup": {
            "FilesApiFunctionLogsA3A0F254",
            "FilesSweepLogsF72F8720",
            "FilesVerifierLogsC01BE879",
            "FilesEventsLogs620E1BE4",
            "FilesApiAccessLogAE035992",
        },
        "AWS::ApiGatewayV2::Api": {"FilesApiB4EBE2FD"},
        # Files are stored by the ids of the pool's people; programs know the client's id; the
        # domain is the host name of the sign-in pages.
        "AWS::Cognito::UserPool": {"FilesUserPool8EB81930"},
        "AWS::Cognito::UserPoolClient": {"FilesUserPoolClient80F7E538"},
        "AWS::Cognito::UserPoolDomain": {"FilesUserPoolDomain234C84FB"},
    },
    "web": {
        "AWS::S3::Bucket": {"WebContent62D64E3D", "WebAccessLogs024BC47D"},
        "AWS::Logs::LogGroup": {"WebPublisherLogs53D1752D"},
        # Its id is in the page's address.
        "AWS::CloudFront::Distribution": {"WebDistributionCF3E234B"},
    },
    "monitoring": {
        # Subscribers would have to subscribe again.
        "AWS::SNS::Topic": {"MonitoringTopic2EDA8B02"},
        "AWS::KMS::Key": {"MonitoringTopicKey423AF5B2"},
    },
}
# Of settings that an environment may turn on.
OPTIONAL: dict[str, dict[str, set[str]]] = {
    "ingest": {"AWS::Logs::LogGroup": {"CanaryFunctionLogsEA5AD94D"}},
}
STATELESS = {
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Cognito::ManagedLoginBranding",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::QueryDefinition",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
# A word for each kind, and what is lost with the resource.
_LOSES = {
    "AWS::ApiGatewayV2::Api": ("API", "the URL that clients know"),
    "AWS::CloudFront::Distribution": ("distribution", "the page's address"),
    "AWS::Cognito::UserPool": ("user pool", "all people"),
    "AWS::Cognito::UserPoolClient": ("client", "the id that programs sign in with"),
    "AWS::Cognito::UserPoolDomain": ("domain", "the address of the sign-in pages"),
    "AWS::DynamoDB::Table": ("table", "its items"),
    "AWS::KMS::Key": ("key", "all that it encrypts"),
    "AWS::Logs::LogGroup": ("log group", "its logs"),
    "AWS::S3::Bucket": ("bucket", "its objects"),
    "AWS::SNS::Topic": ("topic", "its subscriptions"),
    "AWS::SQS::Queue": ("queue", "its messages"),
}


def changed_ids(template: dict[str, Any], service: str) -> list[str]:
    """A sentence for each kind whose logical ids are not those of `STATEFUL[service]`.

    Those of `OPTIONAL[service]` may be there or not.
    """
    resources: dict[str, dict[str, Any]] = template["Resources"]
    expected = STATEFUL[service]
    kinds = {resource["Type"] for resource in resources.values()}
    findings = []
    for kind in sorted((kinds - STATELESS) | set(expected)):
        found = {
            logical_id: resource
            for logical_id, resource in resources.items()
            if resource["Type"] == kind
        }
        gone = sorted(expected.get(kind, set()) - set(found))
        optional = OPTIONAL.get(service, {}).get(kind, set())
        new = sorted(set(found) - expected.get(kind, set()) - optional)
        if gone:
            kept = any(
                each.get("DeletionPolicy", "").startswith("Retain") for each in found.values()
            )
            what, holding = _LOSES[kind]
            findings.append(
                f"{kind} {_are(gone, 'gone')}{', ' + _are(new, 'new') if new else ''}: "
                f"the {what} would be {'left behind' if kept else 'deleted'} with {holding}."
            )
        elif new:
            findings.append(
                f"{kind} {_are(new, 'new')}: does it hold anything that must not be lost?"
            )
    return findings


def _are(logical_ids: list[str], state: str) -> str:
    return f"{', '.join(logical_ids)} {'is' if len(logical_ids) == 1 else 'are'} {state}"
