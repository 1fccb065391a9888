"""`FilesStack` by its settings."""

from __future__ import annotations

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from stacks.files_stack import FilesStack
from stacks.settings import Settings
from tests.constructs.conftest import only
from tests.stacks.conftest import PLACEHOLDER_CODE, Synthesized

BUCKET = "FilesBucket7C17EE2E"


def build(environment: str = "dev", **settings: str) -> Template:
    """The template of the files stack with some settings changed, and no page of the app's own."""
    overrides = {"lambda_code": PLACEHOLDER_CODE, **settings}
    made = Settings.for_environment(environment, overrides)
    return Template.from_stack(FilesStack(cdk.App(), settings=made))


def test_settings_reach_the_functions_and_the_user_pool() -> None:
    template = build(
        file_url_minutes="5",
        upload_session_days="2",
        max_file_size="1000",
        file_quota_bytes="5000",
        file_quota_files="40",
        max_open_uploads="3",
        verify_multipart="true",
        file_expiration_days="90",
        mail_from="files@example.com",
        mail_identity_arn="arn:aws:ses:eu-central-1:123456789012:identity/example.com",
    )

    pool = only(template, "AWS::Cognito::UserPool")
    assert pool["EmailConfiguration"]["From"] == "files@example.com"
    for name in ("FilesApiFunction", "FilesSweep", "FilesVerifier"):
        function = only(template, "AWS::Lambda::Function", name)
        variables = function["Environment"]["Variables"]
        assert (
            variables.items()
            >= {
                "WIDELOAD_FILE_URL_TTL": "300",
                "WIDELOAD_UPLOAD_SESSION_TTL": "172800",
                "WIDELOAD_MAX_FILE_SIZE": "1000",
                "WIDELOAD_QUOTA_BYTES": "5000",
                "WIDELOAD_QUOTA_FILES": "40",
                "WIDELOAD_MAX_OPEN_UPLOADS": "3",
                "WIDELOAD_FILE_EXPIRATION_DAYS": "90",
            }.items()
        )
    mapping = only(template, "AWS::Lambda::EventSourceMapping", "VerifierQueue")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}


def test_settings_of_the_files_reach_the_bucket() -> None:
    template = build(
        upload_session_days="2",
        file_expiration_days="400",
        file_infrequent_access_days="30",
        file_glacier_days="90",
    )

    assert only(template, "AWS::S3::Bucket", BUCKET)["LifecycleConfiguration"]["Rules"] == [
        {
            "Id": "AbortIncompleteMultipartUploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        },
        {
            "Id": "Files",
            "Status": "Enabled",
            "Prefix": "files/",
            "Transitions": [
                {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
                {"StorageClass": "GLACIER_IR", "TransitionInDays": 90},
            ],
        },
    ]


def test_settings_reach_the_api() -> None:
    stage = only(build(rate_limit="5", burst_limit="7"), "AWS::ApiGatewayV2::Stage")

    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": 5,
        "ThrottlingBurstLimit": 7,
    }


def test_settings_reach_the_user_pool() -> None:
    template = build(
        mfa="required", sign_in_domain_prefix="acme-files", web_urls="https://a.example/"
    )

    assert only(template, "AWS::Cognito::UserPool")["MfaConfiguration"] == "ON"
    assert only(template, "AWS::Cognito::UserPoolDomain")["Domain"] == "acme-files"
    client = only(template, "AWS::Cognito::UserPoolClient")
    assert client["LogoutURLs"] == ["https://a.example/"]


def test_pages_that_the_app_deploys_come_first() -> None:
    app = cdk.App()
    settings = Settings.for_environment(
        "dev", {"lambda_code": PLACEHOLDER_CODE, "web_urls": "https://b.example/"}
    )

    stack = FilesStack(app, settings=settings, web_urls=["https://a.example"])

    api = only(Template.from_stack(stack), "AWS::ApiGatewayV2::Api")
    assert api["CorsConfiguration"]["AllowOrigins"] == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_people_of_another_issuer(environment: str) -> None:
    template = build(
        environment,
        oidc_issuer="https://login.example.com/",
        oidc_audience="files-api",
        oidc_client_id="files-page",
    )

    assert template.find_resources("AWS::Cognito::UserPool") == {}
    assert only(template, "AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"] == {
        "Audience": ["files-api"],
        "Issuer": "https://login.example.com/",
    }
    outputs = {name: each["Value"] for name, each in template.find_outputs("*").items()}
    assert outputs["Issuer"] == "https://login.example.com/"
    assert outputs["ClientId"] == "files-page"
    assert not {"UserPoolId", "SignInUrl"} & outputs.keys()


def test_only_local_takes_passwords_as_they_are(synthesized: Synthesized, environment: str) -> None:
    [client] = synthesized.resources("files", "AWS::Cognito::UserPoolClient").values()

    allowed = "ALLOW_USER_PASSWORD_AUTH" in client["Properties"]["ExplicitAuthFlows"]
    assert allowed == (environment == "local")


def test_only_local_signs_in_at_the_emulator(synthesized: Synthesized, environment: str) -> None:
    [told] = [
        json.dumps(each["WIDELOAD_SIGN_IN"])
        for each in synthesized.function_variables("files")
        if "WIDELOAD_SIGN_IN" in each
    ]

    ends = re.findall(r"https://localhost:4566/[^\\]*", told)
    assert len(ends) == (4 if environment == "local" else 0)
    branding = synthesized.resources("files", "AWS::Cognito::ManagedLoginBranding")
    assert len(branding) == (0 if environment == "local" else 1)


def test_no_page_may_call_until_one_is_named() -> None:
    api = only(build("prod"), "AWS::ApiGatewayV2::Api")

    assert "CorsConfiguration" not in api
