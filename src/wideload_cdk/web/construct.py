"""`WebApp`: the page in a private bucket behind CloudFront. `WebContent`: what lies in it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnMapping, Duration, Names, RemovalPolicy, Stack, Token
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
    acknowledge_role,
    acknowledge_wildcard,
)
from wideload_cdk.shared.grants import grant_objects

# What the HSTS preload list asks for at least is a year.
HSTS_MAX_AGE = Duration.days(2 * 365)

LOG_PREFIX = "cloudfront/"
# Where CloudFront delivers access logs to buckets: the regions that are on in every account. All
# that came after March 2019 must be opted into, and these get none:
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

_PERMISSIONS = ("camera", "geolocation", "microphone", "payment", "usb")


class WebApp(Construct):
    """Serve a page from a private bucket through CloudFront, with strict headers.

    The bucket is reached by CloudFront alone (origin access control); viewers get HTTPS with
    HTTP/2 and HTTP/3, compressed. Each answer carries a Content-Security-Policy without inline
    scripts or styles, HSTS, and no-sniff, no-frame and no-referrer headers. What is served is up
    to `WebContent`, which may live in a later stack: a page needs to know its API, and the API
    the page's origin.

    Args:
        connect_sources: Hosts that the page may send requests to besides the API Gateway, S3 and
            Cognito of the stack's region, as CSP sources such as `https://api.example.com`;
            `WebContent` narrows all of them down to those of its deployment. Default: none.
        domain_names: Names of yours that the page is reached by; needs `certificate`.
            Default: CloudFront's own name alone.
        certificate: Certificate for `domain_names`, in us-east-1.
        web_acl_id: ARN of a WAF web ACL of scope CLOUDFRONT, in us-east-1. Default: none.
        access_logs: Whether CloudFront logs requests into a bucket made here. It can't where a
            region must be opted into. Default: it does.
        price_class: Where the page is served from. Default: everywhere.
        log_retention: How long the logs of the function that copies the page's files are kept.
            Default: 3 months.
        removal_policy: What happens to the buckets, and to those logs, when the stack is
            deleted. Default: they are kept.

    Raises:
        ValueError: `domain_names` without `certificate`, or the other way round; or
            `access_logs` in a region to which CloudFront delivers none. Where the region is known
            only at deployment, CloudFormation refuses the stack then.
    """

    bucket: s3.Bucket
    """What is served, from its root on."""
    distribution: cloudfront.Distribution
    """The distribution."""
    url: str
    """Origin of the page, `https://…` without a slash at the end."""
    publisher_role: iam.Role
    """What `WebContent` copies files with."""
    publisher_logs: logs.LogGroup
    """What it says while it does."""

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
                # Each object says for how long: see `WebContent`.
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=_headers(self, [*_regional_hosts(self), *connect_sources]),
                compress=True,
            ),
            domain_names=list(domain_names) or None,
            certificate=certificate,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            # Of its own name CloudFront fixes the versions itself.
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
        self.publisher_role = self._new_publisher()
        self._acknowledge(
            own_name=not domain_names, firewall=web_acl_id is not None, access_logs=access_logs
        )

    def _new_publisher(self) -> iam.Role:
        """Here rather than in `WebContent`: what it may do concerns what is made here alone."""
        role = iam.Role(
            self, "PublisherRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        self.publisher_logs.grant_write(role)
        grant_objects(self.bucket, role, "", "s3:PutObject")
        assets = s3.Bucket.from_bucket_name(self, "Assets", _assets_bucket_name(self))
        grant_objects(assets, role, "", "s3:GetObject")
        for bucket in (self.bucket, assets):
            iam.Grant.add_to_principal(
                grantee=role, actions=["s3:ListBucket"], resource_arns=[bucket.bucket_arn]
            )
        self.distribution.grant(role, "cloudfront:CreateInvalidation", "cloudfront:GetInvalidation")
        for objects, which in (
            (self.bucket.arn_for_objects("*"), "the page's own bucket"),
            (assets.arn_for_objects("*"), "the bootstrap bucket, to read"),
        ):
            acknowledge_wildcard(
                role, objects, f"Deployments copy files whose names vary; this is {which}."
            )
        return role

    def _acknowledge(self, *, own_name: bool, firewall: bool, access_logs: bool) -> None:
        acknowledge_bucket(self.bucket, PAGE_BUCKET)
        acknowledge_log_group(self.publisher_logs, PAGE_LOGS)
        acknowledge_role(self.publisher_role)
        acknowledge(
            self.distribution,
            "AwsSolutions-CFR1",
            "The page holds nothing of anyone's; where its users are is for its owner to say.",
        )
        if not firewall:
            acknowledge(
                self.distribution,
                "AwsSolutions-CFR2",
                "It serves static files from a bucket; there is no application to protect here. "
                "web_acl_id= attaches a firewall.",
            )
        if not access_logs:
            acknowledge(
                self.distribution,
                "AwsSolutions-CFR3",
                "By access_logs=False, as where CloudFront delivers none. S3 still logs who reads "
                "and writes the bucket.",
            )
        if own_name:
            acknowledge(
                self.distribution,
                "AwsSolutions-CFR4",
                "CloudFront fixes the TLS versions of its own name; with a domain name and a "
                "certificate given, TLS 1.2 is the least.",
            )


def _log_prefix(scope: Construct) -> str:
    """Prefix of the access logs, which is to be had in `LOGGED_REGIONS` alone.

    Elsewhere CloudFront would refuse the bucket when all else is made. A mapping that lacks the
    region is refused before, and CloudFormation's error shows its name.
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
    """A name for what CloudFront wants to have a name of its own in the whole account.

    CDK's own names lack the region. An origin access control's may have 64 characters.
    """
    name = Names.unique_resource_name(scope, max_length=48, separator="-")
    return f"{name}-{Stack.of(scope).region}"


def _assets_bucket_name(scope: Construct) -> str:
    stack = Stack.of(scope)
    qualifier = stack.synthesizer.bootstrap_qualifier or "hnb659fds"
    return f"cdk-{qualifier}-assets-{stack.account}-{stack.region}"


def _regional_hosts(scope: Construct) -> list[str]:
    stack = Stack.of(scope)
    return [
        f"https://*.execute-api.{stack.region}.{stack.url_suffix}",
        f"https://*.s3.{stack.region}.{stack.url_suffix}",
        f"https://*.auth.{stack.region}.amazoncognito.com",
    ]


def _headers(scope: Construct, connect_sources: Sequence[str]) -> cloudfront.ResponseHeadersPolicy:
    policy = {
        "default-src": "'none'",
        # The hashing worker compiles WebAssembly.
        "script-src": "'self' 'wasm-unsafe-eval'",
        "worker-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "font-src": "'self'",
        "manifest-src": "'self'",
        "connect-src": " ".join(["'self'", *connect_sources]),
        # A download is a hidden frame's, so that no answer of S3's takes the page's place.
        "frame-src": " ".join(connect_sources),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return cloudfront.ResponseHeadersPolicy(
        scope,
        "Headers",
        response_headers_policy_name=_global_name(scope),
        comment="Wideload web page",
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy="; ".join(
                    f"{name} {what}" for name, what in policy.items()
                ),
                override=True,
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=HSTS_MAX_AGE, include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=header, value=value, override=True)
                for header, value in {
                    "Cross-Origin-Opener-Policy": "same-origin",
                    "Cross-Origin-Resource-Policy": "same-origin",
                    "Permissions-Policy": ", ".join(f"{name}=()" for name in _PERMISSIONS),
                }.items()
            ]
        ),
    )
