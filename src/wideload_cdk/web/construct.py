"""`WebApp`: a private bucket for the page behind CloudFront."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnMapping, Names, RemovalPolicy, Stack, Token
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from wideload_cdk.shared.access_logs import new_access_logs_bucket
from wideload_cdk.shared.findings import (
    PAGE_BUCKET,
    PAGE_LOGS,
    acknowledge,
    acknowledge_bucket,
    acknowledge_log_group,
)
from wideload_cdk.web.headers import new_headers_policy
from wideload_cdk.web.publisher import new_publisher_role

LOG_PREFIX = "cloudfront/"
# Regions with buckets to which CloudFront delivers access logs: those that are enabled in every
# account. Regions that opened after March 2019 are opt-in regions, where it doesn't:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
LOGGED_REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)


class WebApp(Construct):
    """Serve a page from a private bucket through CloudFront, with strict headers.

    Only CloudFront can read the bucket (origin access control); viewers get HTTPS with HTTP/2 and
    HTTP/3, compressed. Each answer carries a Content-Security-Policy without inline scripts or
    styles, HSTS, and no-sniff, no-frame and no-referrer headers. `WebContent` puts the page into
    the bucket, in a later stack if need be: a page needs the URL of its API, and the API the
    page's origin.

    Args:
        connect_sources: Hosts to which the page may send requests besides API Gateway, S3 and
            Cognito in the stack's region, as CSP sources such as `https://api.example.com`;
            `WebContent` narrows all of them down to those of its deployment. Default: none.
        domain_names: Your own domain names for the page; needs `certificate`.
            Default: only CloudFront's own name.
        certificate: Certificate for `domain_names`, in us-east-1.
        web_acl_id: ARN of a WAF web ACL of scope CLOUDFRONT, in us-east-1. Default: none.
        access_logs: Whether CloudFront logs requests to a bucket made here, which it can't in
            opt-in regions. Default: it does.
        price_class: Edge locations that serve the page. Default: all.
        log_retention: How long the logs of the function that copies the page's files are kept.
            Default: 3 months.
        removal_policy: What happens to the buckets and those logs when the stack is deleted.
            Default: they are kept.

    Raises:
        ValueError: Only one of `domain_names` and `certificate` is given; or `access_logs` is
            True in a region to which CloudFront delivers none. If the region is known only at
            deployment, CloudFormation refuses the stack then.
    """

    bucket: s3.Bucket
    """Holds the page's files."""
    access_logs_bucket: s3.Bucket
    """Receives the access logs of CloudFront and of `bucket`."""
    distribution: cloudfront.Distribution
    """Serves the bucket."""
    url: str
    """Origin of the page, `https://…` without a slash at the end."""
    publisher_role: iam.Role
    """Role of the function by which `WebContent` copies files."""
    publisher_logs: logs.LogGroup
    """Log group of that function."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        connect_sources: Sequence[str] = (),
        domain_names: Sequence[str] = (),
        certificate: acm.ICertificate | None = None,
        web_acl_id: str | None = None,
        access_logs: bool = True,
        price_class: cloudfront.PriceClass = cloudfront.PriceClass.PRICE_CLASS_ALL,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        if bool(domain_names) != (certificate is not None):
            raise ValueError(
                f"domain_names is {list(domain_names)} and certificate is "
                f"{'given' if certificate else 'None'}; give both or neither."
            )
        self.access_logs_bucket = new_access_logs_bucket(
            self,
            "AccessLogs",
            removal_policy,
            # CloudFront's standard logging writes by an ACL:
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
        )
        self.bucket = s3.Bucket(
            self,
            "Content",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            server_access_logs_bucket=self.access_logs_bucket,
            server_access_logs_prefix="s3/",
            removal_policy=removal_policy,
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment="Wideload web page",
            default_root_object="index.html",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(
                    self.bucket,
                    origin_access_control=cloudfront.S3OriginAccessControl(
                        self, "AccessControl", origin_access_control_name=_global_name(self)
                    ),
                ),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
                # `WebContent` sets the Cache-Control of each object.
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=new_headers_policy(
                    self,
                    "Headers",
                    name=_global_name(self),
                    connect_sources=[*_regional_hosts(Stack.of(self)), *connect_sources],
                ),
                compress=True,
            ),
            domain_names=list(domain_names) or None,
            certificate=certificate,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            # With its own name CloudFront fixes the TLS versions itself.
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021
            if certificate
            else None,
            price_class=price_class,
            web_acl_id=web_acl_id,
            enable_logging=access_logs or None,
            log_bucket=self.access_logs_bucket if access_logs else None,
            log_file_prefix=_log_prefix(self) if access_logs else None,
        )
        host = domain_names[0] if domain_names else self.distribution.distribution_domain_name
        self.url = f"https://{host}"
        self.publisher_logs = logs.LogGroup(
            self, "PublisherLogs", retention=log_retention, removal_policy=removal_policy
        )
        self.publisher_role = new_publisher_role(
            self,
            "PublisherRole",
            bucket=self.bucket,
            distribution=self.distribution,
            log_group=self.publisher_logs,
        )
        acknowledge_bucket(self.bucket, PAGE_BUCKET)
        acknowledge_log_group(self.publisher_logs, PAGE_LOGS)
        _acknowledge_distribution(
            self.distribution,
            own_name=not domain_names,
            firewall=web_acl_id is not None,
            access_logs=access_logs,
        )


def _log_prefix(scope: Construct) -> str:
    """Prefix of the access logs, which can be resolved only in `LOGGED_REGIONS`.

    Elsewhere CloudFront would refuse the bucket after everything else was made. CloudFormation
    refuses a mapping without the region before it makes anything, and its error shows the
    mapping's name.
    """
    region = Stack.of(scope).region
    if not Token.is_unresolved(region) and region not in LOGGED_REGIONS:
        raise ValueError(
            f"access_logs is True in {region}, but CloudFront delivers access logs only to buckets "
            f"in {', '.join(LOGGED_REGIONS)}. Give access_logs=False, or deploy the page there."
        )
    return CfnMapping(
        scope,
        "CloudFrontLogsNotInOptInRegionsSetAccessLogsFalse",
        mapping={name: {"Prefix": LOG_PREFIX} for name in LOGGED_REGIONS},
    ).find_in_map(region, "Prefix")


def _global_name(scope: Construct) -> str:
    """A name for CloudFront resources, whose names are unique in the whole account.

    CDK's own names lack the region. The name of an origin access control has up to 64 characters.
    """
    name = Names.unique_resource_name(scope, max_length=48, separator="-")
    return f"{name}-{Stack.of(scope).region}"


def _regional_hosts(stack: Stack) -> list[str]:
    return [
        f"https://*.execute-api.{stack.region}.{stack.url_suffix}",
        f"https://*.s3.{stack.region}.{stack.url_suffix}",
        f"https://*.auth.{stack.region}.amazoncognito.com",
    ]


def _acknowledge_distribution(
    distribution: cloudfront.Distribution, *, own_name: bool, firewall: bool, access_logs: bool
) -> None:
    findings = {
        "AwsSolutions-CFR1": "The page holds no personal data; its owner decides in which "
        "countries it can be read.",
    }
    if not firewall:
        findings["AwsSolutions-CFR2"] = (
            "It serves static files from a bucket; there is no application to protect here. "
            "web_acl_id= attaches a firewall."
        )
    if not access_logs:
        findings["AwsSolutions-CFR3"] = (
            "By access_logs=False, as where CloudFront delivers none. S3 still logs who reads "
            "and writes the bucket."
        )
    if own_name:
        findings["AwsSolutions-CFR4"] = (
            "CloudFront fixes the TLS versions of its own name; with a domain name and a "
            "certificate given, TLS 1.2 is the least."
        )
    acknowledge(distribution, findings)
