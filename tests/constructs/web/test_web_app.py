"""`WebApp` and `WebContent`: each default, each override, each refused input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_lambda as lambda_

from tests.constructs.conftest import only
from wideload_cdk import FileTransfer, WebApp, WebContent
from wideload_cdk.web import construct as web_app

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def synthesize(stack: cdk.Stack, id: str = "Web", **arguments: Any) -> assertions.Template:
    WebApp(stack, id, **arguments)
    return assertions.Template.from_stack(stack)


def distribution(template: assertions.Template) -> dict[str, Any]:
    config: dict[str, Any] = only(template, "AWS::CloudFront::Distribution")["DistributionConfig"]
    return config


def policy(template: assertions.Template) -> dict[str, str]:
    """Directives of the Content-Security-Policy; tokens are put together."""
    headers = only(template, "AWS::CloudFront::ResponseHeadersPolicy")
    security = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    text = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    if isinstance(text, dict):
        text = "".join(
            part if isinstance(part, str) else f"<{part['Ref']}>" for part in text["Fn::Join"][1]
        )
    return dict(directive.split(" ", 1) for directive in text.split("; "))


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page-1a2b.js").write_text("1")
    (tmp_path / "index.html").write_text("<html><head></head><body></body></html>")
    return str(tmp_path)


def test_only_cloudfront_reaches_the_bucket(stack: cdk.Stack) -> None:
    template = synthesize(stack)

    content = only(template, "AWS::S3::Bucket", "Content")
    assert set(content["PublicAccessBlockConfiguration"].values()) == {True}
    [reads] = [
        statement
        for statement in only(template, "AWS::S3::BucketPolicy", "Content")["PolicyDocument"][
            "Statement"
        ]
        if statement["Effect"] == "Allow"
    ]
    assert reads["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert reads["Action"] == "s3:GetObject"
    assert "AWS:SourceArn" in reads["Condition"]["StringEquals"]
    template.resource_count_is("AWS::CloudFront::OriginAccessControl", 1)


def test_serves_https_with_http_2_and_3_compressed(stack: cdk.Stack) -> None:
    config = distribution(synthesize(stack))

    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["Compress"] is True
    assert config["HttpVersion"] == "http2and3"
    assert config["DefaultRootObject"] == "index.html"


def test_nothing_inline_runs_and_nobody_frames_the_page(stack: cdk.Stack) -> None:
    template = synthesize(stack)

    directives = policy(template)
    assert "unsafe-inline" not in json.dumps(directives)
    assert "unsafe-eval" not in directives["script-src"].replace("'wasm-unsafe-eval'", "")
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    config = only(template, "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
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


def test_the_page_may_talk_to_the_regions_hosts(stack: cdk.Stack) -> None:
    sources = policy(synthesize(stack))["connect-src"]

    assert sources == (
        "'self' https://*.execute-api.<AWS::Region>.<AWS::URLSuffix> "
        "https://*.s3.<AWS::Region>.<AWS::URLSuffix> "
        "https://*.auth.<AWS::Region>.amazoncognito.com"
    )


def test_the_page_may_talk_to_the_hosts_given_as_well(stack: cdk.Stack) -> None:
    template = synthesize(stack, connect_sources=["https://api.example.com"])

    sources = policy(template)["connect-src"].split()
    assert sources[-1] == "https://api.example.com"
    assert len(sources) == 5


def test_downloads_may_have_a_frame_from_the_same_hosts(stack: cdk.Stack) -> None:
    directives = policy(synthesize(stack, connect_sources=["https://files.example.com"]))

    assert directives["frame-src"] == directives["connect-src"].removeprefix("'self' ")


def test_access_logs_can_be_left_out(stack: cdk.Stack) -> None:
    template = synthesize(stack, access_logs=False)

    assert "Logging" not in distribution(template)
    assert template.find_mappings("*") == {}


def test_access_logs_are_refused_in_a_region_that_gets_none() -> None:
    stack = cdk.Stack(cdk.App(), "Web", env=cdk.Environment(region="me-central-1"))

    with pytest.raises(ValueError, match=r"in me-central-1.*Give access_logs=False"):
        WebApp(stack, "Web")
    assert distribution(synthesize(stack, id="Other", access_logs=False))


def test_a_region_known_at_deployment_alone_must_be_one_that_gets_access_logs(
    stack: cdk.Stack,
) -> None:
    """CloudFormation refuses a template that looks up what a mapping lacks."""
    template = synthesize(stack)

    ((name, regions),) = template.find_mappings("*").items()
    assert "SetAccessLogsFalse" in name
    assert set(regions) == set(web_app.LOGGED_REGIONS)
    assert distribution(template)["Logging"]["Prefix"] == {
        "Fn::FindInMap": [name, {"Ref": "AWS::Region"}, "Prefix"]
    }


def test_names_that_are_unique_in_an_account_end_with_the_region(stack: cdk.Stack) -> None:
    template = synthesize(stack)

    for kind, config in (
        ("OriginAccessControl", "OriginAccessControlConfig"),
        ("ResponseHeadersPolicy", "ResponseHeadersPolicyConfig"),
    ):
        name = only(template, f"AWS::CloudFront::{kind}")[config]["Name"]
        assert name["Fn::Join"][1][1] == {"Ref": "AWS::Region"}


def test_the_publisher_deletes_nothing(stack: cdk.Stack) -> None:
    statements = only(synthesize(stack), "AWS::IAM::Policy", "Publisher")["PolicyDocument"][
        "Statement"
    ]

    actions = {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert "s3:PutObject" in actions
    assert not [action for action in actions if "Delete" in action]


def test_logs_are_kept_for_90_days_in_a_bucket_that_cloudfront_can_write_to(
    stack: cdk.Stack,
) -> None:
    template = synthesize(stack)

    ((_, regions),) = template.find_mappings("*").items()
    assert regions["eu-central-1"] == {"Prefix": "cloudfront/"}
    bucket = only(template, "AWS::S3::Bucket", "AccessLogs")
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 90
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.parametrize(
    ("arguments", "fate"),
    [({}, "Retain"), ({"removal_policy": cdk.RemovalPolicy.DESTROY}, "Delete")],
)
def test_the_buckets_are_kept_unless_told_otherwise(
    stack: cdk.Stack, arguments: dict[str, Any], fate: str
) -> None:
    template = synthesize(stack, **arguments)

    buckets = template.find_resources("AWS::S3::Bucket").values()
    assert [bucket["DeletionPolicy"] for bucket in buckets] == [fate, fate]


def test_a_name_of_ones_own(stack: cdk.Stack) -> None:
    certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE)
    app = WebApp(stack, "Web", domain_names=["files.example.com"], certificate=certificate)

    config = distribution(assertions.Template.from_stack(stack))
    assert app.url == "https://files.example.com"
    assert config["Aliases"] == ["files.example.com"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"


@pytest.mark.parametrize("arguments", [{"domain_names": ["files.example.com"]}, {"certificate": 1}])
def test_refuses_a_name_without_a_certificate_and_the_other_way_round(
    stack: cdk.Stack, arguments: dict[str, Any]
) -> None:
    if "certificate" in arguments:
        arguments = {
            "certificate": acm.Certificate.from_certificate_arn(stack, "Given", CERTIFICATE)
        }

    with pytest.raises(ValueError, match="give both or neither"):
        WebApp(stack, "Web", **arguments)


def test_a_firewall_and_a_price_class(stack: cdk.Stack) -> None:
    acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/web/1"
    template = synthesize(stack, web_acl_id=acl, price_class=cloudfront.PriceClass.PRICE_CLASS_100)

    assert distribution(template)["WebACLId"] == acl
    assert distribution(template)["PriceClass"] == "PriceClass_100"


class TestContent:
    @pytest.fixture
    def deployments(self, stack: cdk.Stack, code: lambda_.Code, page: str) -> dict[str, Any]:
        app = WebApp(stack, "Web")
        files = FileTransfer(stack, "Files", web_urls=[app.url], code=code)
        WebContent(stack, "Content", app=app, files=files, page=page)
        found = assertions.Template.from_stack(stack).find_resources("Custom::CDKBucketDeployment")
        return {
            "fresh" if "Fresh" in name else "lasting": resource for name, resource in found.items()
        }

    def test_hashed_files_last_and_the_others_are_asked_for_again(
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
        """The handler's default: what replaces a deployment is made before that is deleted."""
        for deployment in (deployments["lasting"], deployments["fresh"]):
            assert deployment["Properties"].get("RetainOnDelete", True) is True

    def test_the_index_comes_after_what_it_asks_for(self, deployments: dict[str, Any]) -> None:
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
