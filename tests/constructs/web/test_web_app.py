"""`WebApp` and `WebContent`: defaults, overrides and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_lambda as lambda_

from tests.constructs.conftest import cdk_json_context, only
from wideload_cdk import FileTransfer, WebApp, WebContent
from wideload_cdk.web import construct as web_app

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/web/1"


def new_stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(context=cdk_json_context()), "Stack")


@pytest.fixture(scope="module")
def default() -> assertions.Template:
    """A `WebApp` without arguments."""
    stack = new_stack()
    WebApp(stack, "Web")
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def customized() -> tuple[WebApp, assertions.Template]:
    """A `WebApp` with every argument."""
    stack = new_stack()
    app = WebApp(
        stack,
        "Web",
        connect_sources=["https://api.example.com"],
        domain_names=["files.example.com"],
        certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE),
        web_acl_id=ACL,
        access_logs=False,
        price_class=cloudfront.PriceClass.PRICE_CLASS_100,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    return app, assertions.Template.from_stack(stack)


def distribution(template: assertions.Template) -> dict[str, Any]:
    config: dict[str, Any] = only(template, "AWS::CloudFront::Distribution")["DistributionConfig"]
    return config


def policy(template: assertions.Template) -> dict[str, str]:
    """Directives of the Content-Security-Policy, with tokens as `<name>`."""
    headers = only(template, "AWS::CloudFront::ResponseHeadersPolicy")
    security = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    text = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    if isinstance(text, dict):
        text = "".join(
            part if isinstance(part, str) else f"<{part['Ref']}>" for part in text["Fn::Join"][1]
        )
    return dict(directive.split(" ", 1) for directive in text.split("; "))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    (folder / "assets" / "page-1a2b.js").write_text("1")
    (folder / "index.html").write_text("<html><head></head><body></body></html>")
    return str(folder)


def test_only_cloudfront_reaches_the_bucket(default: assertions.Template) -> None:
    content = only(default, "AWS::S3::Bucket", "Content")
    assert set(content["PublicAccessBlockConfiguration"].values()) == {True}
    [reads] = [
        statement
        for statement in only(default, "AWS::S3::BucketPolicy", "Content")["PolicyDocument"][
            "Statement"
        ]
        if statement["Effect"] == "Allow"
    ]
    assert reads["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert reads["Action"] == "s3:GetObject"
    assert "AWS:SourceArn" in reads["Condition"]["StringEquals"]
    default.resource_count_is("AWS::CloudFront::OriginAccessControl", 1)


def test_serves_https_with_http_2_and_3_compressed(default: assertions.Template) -> None:
    config = distribution(default)

    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["Compress"] is True
    assert config["HttpVersion"] == "http2and3"
    assert config["DefaultRootObject"] == "index.html"


def test_nothing_inline_runs_and_nobody_frames_the_page(default: assertions.Template) -> None:
    directives = policy(default)
    assert "unsafe-inline" not in json.dumps(directives)
    assert "unsafe-eval" not in directives["script-src"].replace("'wasm-unsafe-eval'", "")
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    config = only(default, "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    assert security["FrameOptions"]["FrameOption"] == "DENY"
    assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert security["ContentTypeOptions"]["Override"] is True
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 2 * 365 * 86_400
    assert {item["Header"] for item in config["CustomHeadersConfig"]["Items"]} == {
        "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
        "Permissions-Policy",
    }


def test_requests_go_to_the_regions_hosts(default: assertions.Template) -> None:
    assert policy(default)["connect-src"] == (
        "'self' https://*.execute-api.<AWS::Region>.<AWS::URLSuffix> "
        "https://*.s3.<AWS::Region>.<AWS::URLSuffix> "
        "https://*.auth.<AWS::Region>.amazoncognito.com"
    )


def test_requests_and_downloads_go_to_the_hosts_given_as_well(
    default: assertions.Template, customized: tuple[WebApp, assertions.Template]
) -> None:
    directives = policy(customized[1])

    assert directives["connect-src"] == (
        f"{policy(default)['connect-src']} https://api.example.com"
    )
    # A download starts in a frame.
    assert directives["frame-src"] == directives["connect-src"].removeprefix("'self' ")


def test_access_logs_can_be_left_out(customized: tuple[WebApp, assertions.Template]) -> None:
    assert "Logging" not in distribution(customized[1])
    assert customized[1].find_mappings("*") == {}


def test_access_logs_are_refused_in_a_region_without_delivery() -> None:
    stack = cdk.Stack(cdk.App(), "Web", env=cdk.Environment(region="me-central-1"))

    with pytest.raises(ValueError, match=r"in me-central-1.*Give access_logs=False"):
        WebApp(stack, "Web")
    assert WebApp(stack, "Other", access_logs=False).distribution


def test_cloudformation_refuses_a_region_without_delivery(default: assertions.Template) -> None:
    """It refuses a template that looks up a key which a mapping lacks."""
    ((name, regions),) = default.find_mappings("*").items()
    assert "SetAccessLogsFalse" in name
    assert set(regions) == set(web_app.LOGGED_REGIONS)
    assert regions["eu-central-1"] == {"Prefix": "cloudfront/"}
    assert distribution(default)["Logging"]["Prefix"] == {
        "Fn::FindInMap": [name, {"Ref": "AWS::Region"}, "Prefix"]
    }


def test_names_that_are_unique_in_an_account_end_with_the_region(
    default: assertions.Template,
) -> None:
    for kind, config in (
        ("OriginAccessControl", "OriginAccessControlConfig"),
        ("ResponseHeadersPolicy", "ResponseHeadersPolicyConfig"),
    ):
        name = only(default, f"AWS::CloudFront::{kind}")[config]["Name"]
        assert name["Fn::Join"][1][1] == {"Ref": "AWS::Region"}


def test_the_publisher_deletes_nothing(default: assertions.Template) -> None:
    policy_document = only(default, "AWS::IAM::Policy", "Publisher")["PolicyDocument"]

    actions = {
        action
        for each in policy_document["Statement"]
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert "s3:PutObject" in actions
    assert not [action for action in actions if "Delete" in action]


def test_logs_are_kept_for_90_days_in_a_bucket_that_cloudfront_can_write_to(
    default: assertions.Template,
) -> None:
    bucket = only(default, "AWS::S3::Bucket", "AccessLogs")

    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 90
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_buckets_are_kept_by_default(
    default: assertions.Template, customized: tuple[WebApp, assertions.Template]
) -> None:
    for template, fate in ((default, "Retain"), (customized[1], "Delete")):
        buckets = template.find_resources("AWS::S3::Bucket").values()
        assert [bucket["DeletionPolicy"] for bucket in buckets] == [fate, fate]


def test_own_domain_name_firewall_and_price_class(
    customized: tuple[WebApp, assertions.Template],
) -> None:
    app, template = customized

    config = distribution(template)
    assert app.url == "https://files.example.com"
    assert config["Aliases"] == ["files.example.com"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert config["WebACLId"] == ACL
    assert config["PriceClass"] == "PriceClass_100"


def test_a_domain_name_needs_a_certificate_and_a_certificate_a_name(stack: cdk.Stack) -> None:
    certificate = acm.Certificate.from_certificate_arn(stack, "Given", CERTIFICATE)

    with pytest.raises(ValueError, match="give both or neither"):
        WebApp(stack, "Nameless", certificate=certificate)
    with pytest.raises(ValueError, match="give both or neither"):
        WebApp(stack, "Uncertified", domain_names=["files.example.com"])


@pytest.fixture(scope="module")
def deployments(code_folder: Path, page: str) -> dict[str, Any]:
    stack = new_stack()
    code = lambda_.Code.from_asset(str(code_folder))
    app = WebApp(stack, "Web")
    files = FileTransfer(stack, "Files", web_urls=[app.url], code=code)
    WebContent(stack, "Content", app=app, files=files, page=page)
    found = assertions.Template.from_stack(stack).find_resources("Custom::CDKBucketDeployment")
    return {"fresh" if "Fresh" in name else "lasting": resource for name, resource in found.items()}


class TestContent:
    def test_hashed_files_are_cached_and_others_validated(
        self, deployments: dict[str, Any]
    ) -> None:
        lasting, fresh = deployments["lasting"], deployments["fresh"]

        assert lasting["Properties"]["SystemMetadata"] == {
            "cache-control": "public, max-age=31536000, immutable"
        }
        assert lasting["Properties"]["Prune"] is False
        assert fresh["Properties"]["SystemMetadata"] == {"cache-control": "no-cache"}
        assert fresh["Properties"]["DistributionPaths"] == ["/", "/index.html", "/config.json"]

    def test_replacing_one_deletes_no_file(self, deployments: dict[str, Any]) -> None:
        """A replacement is made before the old deployment is deleted."""
        for deployment in (deployments["lasting"], deployments["fresh"]):
            assert deployment["Properties"].get("RetainOnDelete", True) is True

    def test_the_index_comes_after_the_files_that_it_loads(
        self, deployments: dict[str, Any]
    ) -> None:
        assert any("Lasting" in name for name in deployments["fresh"]["DependsOn"])

    def test_the_configuration_names_api_bucket_and_sign_in(
        self, deployments: dict[str, Any]
    ) -> None:
        index, config = deployments["fresh"]["Properties"]["SourceMarkers"]

        assert "FilesApi" in json.dumps(config)
        assert "oauth2/token" in json.dumps(config)
        assert "RegionalDomainName" in json.dumps(index)

    def test_a_page_without_a_head_is_refused(
        self, stack: cdk.Stack, code: lambda_.Code, tmp_path: Path
    ) -> None:
        (tmp_path / "index.html").write_text("<p>")
        app = WebApp(stack, "Web")
        files = FileTransfer(stack, "Files", code=code)

        with pytest.raises(ValueError, match="has no <head>"):
            WebContent(stack, "Content", app=app, files=files, page=str(tmp_path))


def test_the_example_lets_its_page_call_api_and_bucket(
    synthesize_example: Callable[[str], assertions.Template],
) -> None:
    app = synthesize_example("files_app.py")
    domain = {
        "Fn::GetAtt": [assertions.Match.string_like_regexp("^PageDistribution"), "DomainName"]
    }
    origins = [{"Fn::Join": ["", ["https://", domain]]}]

    app.has_resource_properties(
        "AWS::ApiGatewayV2::Api", {"CorsConfiguration": {"AllowOrigins": origins}}
    )
    app.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "CorsConfiguration": {
                "CorsRules": [assertions.Match.object_like({"AllowedOrigins": origins})]
            }
        },
    )
