"""Sign-in of `FileTransfer`: tokens, user pool, callback URLs and CORS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Match, Template

from tests.constructs.conftest import only
from wideload_cdk import FileTransfer
from wideload_cdk.files.sign_in import origin_of, page_of

LOOPBACK = [f"http://localhost:{port}/callback" for port in (8976, 8977, 8978)]
WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/files/1"
SES = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
THEIRS = {"issuer": "https://login.example.com/", "audience": "files-api"}

Make = Callable[..., tuple[FileTransfer, Template]]
TemplateOf = Callable[..., Template]


@pytest.fixture
def make(stack: cdk.Stack, code: lambda_.Code) -> Make:
    """Make a `FileTransfer` in `stack`, and the stack's template."""

    def run(**arguments: Any) -> tuple[FileTransfer, Template]:
        files = FileTransfer(stack, "Files", code=code, **arguments)
        return files, Template.from_stack(stack)

    return run


@pytest.fixture
def default(default_files: Template) -> Template:
    return default_files


def id_of(template: Template, kind: str) -> str:
    [found] = template.find_resources(kind)
    return str(found)


def pool(template: Template) -> dict[str, Any]:
    return only(template, "AWS::Cognito::UserPool")


def client(template: Template) -> dict[str, Any]:
    return only(template, "AWS::Cognito::UserPoolClient")


def sign_in(template: Template, known: dict[str, str]) -> dict[str, Any]:
    """The answer to `GET /sign-in`, with the values in `known` for references."""
    function = only(template, "AWS::Lambda::Function", "ApiFunction")
    value = function["Environment"]["Variables"]["WIDELOAD_SIGN_IN"]
    parts = value["Fn::Join"][1] if isinstance(value, dict) else [value]
    text = "".join(
        part
        if isinstance(part, str)
        else known[next(iter(part.values()))[0]]
        if "Fn::GetAtt" in part
        else known[part["Ref"]]
        for part in parts
    )
    answer: dict[str, Any] = json.loads(text)
    return answer


# Tokens


def test_every_route_but_how_to_sign_in_needs_a_token(default: Template) -> None:
    authorizer = {"Ref": id_of(default, "AWS::ApiGatewayV2::Authorizer")}

    routes = default.find_resources("AWS::ApiGatewayV2::Route").values()
    protected = {
        route["Properties"]["RouteKey"]
        for route in routes
        if route["Properties"]["AuthorizationType"] == "JWT"
        and route["Properties"]["AuthorizerId"] == authorizer
    }

    everything = {route["Properties"]["RouteKey"] for route in routes}
    assert len(everything) == 19
    assert everything - protected == {"GET /sign-in"}


def test_pool_has_no_firewall_by_default(default: Template) -> None:
    default.resource_count_is("AWS::WAFv2::WebACLAssociation", 0)


def test_pool_can_have_a_firewall(make: Make) -> None:
    _, template = make(user_pool_web_acl_arn=WEB_ACL)

    template.has_resource_properties(
        "AWS::WAFv2::WebACLAssociation",
        {
            "WebACLArn": WEB_ACL,
            "ResourceArn": {"Fn::GetAtt": [id_of(template, "AWS::Cognito::UserPool"), "Arn"]},
        },
    )


def test_pool_can_have_a_firewall_made_here(make: Make) -> None:
    _, template = make(sign_in_rate_limit=500)

    acl = only(template, "AWS::WAFv2::WebACL")
    assert (acl["Scope"], acl["DefaultAction"]) == ("REGIONAL", {"Allow": {}})
    [rule] = acl["Rules"]
    assert rule["Action"] == {"Block": {}}
    assert rule["Statement"] == {
        "RateBasedStatement": {"AggregateKeyType": "IP", "Limit": 500, "EvaluationWindowSec": 300}
    }
    # Sampled requests hold what people send to sign in.
    for visible in (acl["VisibilityConfig"], rule["VisibilityConfig"]):
        assert visible["CloudWatchMetricsEnabled"] is True
        assert visible["SampledRequestsEnabled"] is False
    assert only(template, "AWS::WAFv2::WebACLAssociation") == {
        "WebACLArn": {"Fn::GetAtt": [id_of(template, "AWS::WAFv2::WebACL"), "Arn"]},
        "ResourceArn": {"Fn::GetAtt": [id_of(template, "AWS::Cognito::UserPool"), "Arn"]},
    }


def test_tokens_are_those_of_the_pool_for_its_client(default: Template) -> None:
    authorizer = only(default, "AWS::ApiGatewayV2::Authorizer")

    pool_id = id_of(default, "AWS::Cognito::UserPool")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {
        "Audience": [{"Ref": id_of(default, "AWS::Cognito::UserPoolClient")}],
        "Issuer": {"Fn::Join": ["", ["https://", {"Fn::GetAtt": [pool_id, "ProviderName"]}]]},
    }


def test_issuer_given_takes_the_pools_place(make: Make) -> None:
    files, template = make(**THEIRS)

    assert only(template, "AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"] == {
        "Audience": ["files-api"],
        "Issuer": "https://login.example.com/",
    }
    for kind in ("UserPool", "UserPoolClient", "UserPoolDomain", "ManagedLoginBranding"):
        template.resource_count_is(f"AWS::Cognito::{kind}", 0)
    assert (files.issuer, files.client_id) == ("https://login.example.com/", "files-api")
    assert (files.user_pool, files.user_pool_client, files.sign_in_url) == (None, None, None)


@pytest.mark.parametrize(
    ("arguments", "client_id"), [({}, "files-api"), ({"client_id": "files-page"}, "files-page")]
)
def test_programs_find_the_endpoints_of_an_issuer_by_themselves(
    make: Make, arguments: dict[str, str], client_id: str
) -> None:
    files, template = make(**THEIRS, **arguments)

    assert files.client_id == client_id
    assert sign_in(template, {}) == {
        "issuer": "https://login.example.com/",
        "client_id": client_id,
        "scopes": ["openid", "email"],
    }


def test_access_log_names_the_owner_and_nothing_that_a_client_writes(default: Template) -> None:
    fields = json.loads(only(default, "AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])

    assert (
        fields.items()
        >= {
            "request_id": "$context.requestId",
            "route": "$context.routeKey",
            "status": "$context.status",
            "owner": "$context.authorizer.claims.sub",
        }.items()
    )
    for value in fields.values():
        assert value.startswith("$context."), value
        assert not re.search(r"header|path|query|userAgent|request\.", value, re.IGNORECASE)


# The user pool


def test_only_an_administrator_makes_people(default: Template) -> None:
    properties = pool(default)

    assert properties["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    invitation = properties["AdminCreateUserConfig"]["InviteMessageTemplate"]
    # The pool's name of a person is a UUID: `{username}` would show it.
    assert re.findall(r"\{\S+?\}", invitation["EmailMessage"]) == ["{####}"]
    assert (
        "your e-mail address, the one that this message was sent to" in (invitation["EmailMessage"])
    )
    assert "within 7 days" in invitation["EmailMessage"]


def test_invitation_says_where(make: Make) -> None:
    _, template = make(web_urls=["https://files.example.com"])

    invitation = pool(template)["AdminCreateUserConfig"]["InviteMessageTemplate"]
    assert " at https://files.example.com/. " in invitation["EmailMessage"]


def test_cognito_sends_the_mail_by_default(default: Template) -> None:
    assert "EmailConfiguration" not in pool(default)


@pytest.mark.parametrize(
    ("sender", "identity"),
    [
        ("files@example.com", "example.com"),
        ("files@mail.example.com", "example.com"),
        ("The Files <Files@example.com>", "files@example.com"),
    ],
)
def test_mail_can_go_out_by_ses(make: Make, sender: str, identity: str) -> None:
    arn = SES.replace("example.com", identity)

    _, template = make(mail_from=sender, mail_identity_arn=arn)

    assert pool(template)["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "From": sender,
        "SourceArn": arn,
    }


def test_an_account_is_recovered_by_a_verified_address_alone(default: Template) -> None:
    properties = pool(default)

    assert properties["AutoVerifiedAttributes"] == ["email"]
    assert properties["AccountRecoverySetting"]["RecoveryMechanisms"] == [
        {"Name": "verified_email", "Priority": 1}
    ]
    assert properties["UserAttributeUpdateSettings"] == {
        "AttributesRequireVerificationBeforeUpdate": ["email"]
    }


def test_passwords_are_strong(default: Template) -> None:
    assert pool(default)["Policies"]["PasswordPolicy"] == {
        "MinimumLength": 12,
        "RequireLowercase": True,
        "RequireUppercase": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
        "TemporaryPasswordValidityDays": 7,
    }


@pytest.mark.parametrize(
    ("arguments", "mode", "enabled"),
    [
        ({}, "OPTIONAL", ["SOFTWARE_TOKEN_MFA"]),
        ({"mfa": "required"}, "ON", ["SOFTWARE_TOKEN_MFA"]),
        ({"mfa": "off"}, "OFF", None),
    ],
)
def test_a_second_factor_is_a_setting(
    template_of: TemplateOf, arguments: dict[str, Any], mode: str, enabled: list[str] | None
) -> None:
    template = template_of(FileTransfer, **arguments)

    assert pool(template)["MfaConfiguration"] == mode
    assert pool(template).get("EnabledMfas") == enabled
    template.resource_count_is("AWS::IAM::Role", 4)  # none to send texts


def test_pool_is_kept_and_protected(default: Template) -> None:
    default.has_resource(
        "AWS::Cognito::UserPool",
        {
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": Match.object_like({"DeletionProtection": "ACTIVE"}),
        },
    )


def test_pool_can_be_disposable(make: Make) -> None:
    _, template = make(deletion_protection=False, removal_policy=RemovalPolicy.DESTROY)

    template.has_resource(
        "AWS::Cognito::UserPool",
        {
            "DeletionPolicy": "Delete",
            "Properties": Match.object_like({"DeletionProtection": "INACTIVE"}),
        },
    )


# Its client


@pytest.mark.parametrize(
    ("arguments", "flows"),
    [
        # Without ALLOW_REFRESH_TOKEN_AUTH, which Cognito refuses where refresh tokens rotate.
        ({}, ["ALLOW_USER_SRP_AUTH"]),
        ({"password_sign_in": True}, ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]),
    ],
)
def test_a_password_is_not_sent_as_it_is_unless_allowed(
    template_of: TemplateOf, arguments: dict[str, Any], flows: list[str]
) -> None:
    template = template_of(FileTransfer, **arguments)

    assert client(template)["ExplicitAuthFlows"] == flows


def test_tokens_live_for_an_hour_rotate_for_a_week_and_can_be_revoked(default: Template) -> None:
    properties = client(default)

    units = properties["TokenValidityUnits"]
    assert set(units.values()) == {"minutes"}
    assert properties["AccessTokenValidity"] == properties["IdTokenValidity"] == 60
    assert properties["RefreshTokenValidity"] == 7 * 24 * 60
    assert properties["RefreshTokenRotation"] == {
        "Feature": "ENABLED",
        "RetryGracePeriodSeconds": 60,
    }
    assert properties["EnableTokenRevocation"] is True


def test_answers_do_not_reveal_who_exists(default: Template) -> None:
    assert client(default)["PreventUserExistenceErrors"] == "ENABLED"


def test_only_the_command_line_gets_callbacks_by_default(default: Template) -> None:
    assert client(default)["CallbackURLs"] == LOOPBACK
    assert "LogoutURLs" not in client(default)


def test_pages_given_get_callbacks(make: Make) -> None:
    _, template = make(
        web_urls=["https://files.example.com", "http://localhost:5173/app", LOOPBACK[0]]
    )

    pages = ["https://files.example.com/", "http://localhost:5173/app", LOOPBACK[0]]
    assert client(template)["CallbackURLs"] == [*LOOPBACK, *pages]
    assert client(template)["LogoutURLs"] == pages


# Its sign-in pages


def test_default_host_name_is_unique_in_the_region(default: Template) -> None:
    stack_uuid = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    random_part = {"Fn::Select": [4, {"Fn::Split": ["-", stack_uuid]}]}

    [_, [start, end]] = only(default, "AWS::Cognito::UserPoolDomain")["Domain"]["Fn::Join"]

    assert re.fullmatch(r"wideload-[0-9a-f]{8}-", start)
    assert end == random_part


def test_host_name_given_is_used(stack: cdk.Stack, make: Make) -> None:
    files, template = make(sign_in_domain_prefix="acme-files")

    assert only(template, "AWS::Cognito::UserPoolDomain")["Domain"] == "acme-files"
    assert stack.resolve(files.sign_in_url) == {
        "Fn::Join": [
            "",
            ["https://acme-files.auth.", {"Ref": "AWS::Region"}, ".amazoncognito.com"],
        ]
    }


def test_address_is_that_of_the_domain_made_here(stack: cdk.Stack, make: Make) -> None:
    files, template = make()

    host = only(template, "AWS::Cognito::UserPoolDomain")["Domain"]["Fn::Join"][1]
    address = stack.resolve(files.sign_in_url)["Fn::Join"][1]
    assert address[0] == f"https://{host[0]}"
    assert address[1] == host[1]
    assert address[2:] == [".auth.", {"Ref": "AWS::Region"}, ".amazoncognito.com"]


def test_programs_are_told_where_to_sign_in(make: Make) -> None:
    _, template = make(sign_in_domain_prefix="acme")

    known = {
        id_of(
            template, "AWS::Cognito::UserPool"
        ): "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
        id_of(template, "AWS::Cognito::UserPoolClient"): "client1",
        "AWS::Region": "eu-west-1",
        "AWS::URLSuffix": "amazonaws.com",
    }
    assert sign_in(template, known) == {
        "issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
        "client_id": "client1",
        "scopes": ["openid", "email"],
        "authorization_endpoint": "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/authorize",
        "token_endpoint": "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/token",
        "end_session_endpoint": "https://acme.auth.eu-west-1.amazoncognito.com/logout",
        "cognito_endpoint": "https://cognito-idp.eu-west-1.amazonaws.com/",
    }


def test_an_emulator_gets_its_own_endpoints_and_no_style(make: Make) -> None:
    files, template = make(endpoint_url="https://localhost:4566")

    known = {
        id_of(template, "AWS::Cognito::UserPool"): "issuer.example",
        id_of(template, "AWS::Cognito::UserPoolClient"): "client1",
    }
    told = sign_in(template, known)
    assert {name: value for name, value in told.items() if "endpoint" in name} == {
        "authorization_endpoint": "https://localhost:4566/oauth2/authorize",
        "token_endpoint": "https://localhost:4566/oauth2/token",
        "end_session_endpoint": "https://localhost:4566/logout",
        "cognito_endpoint": "https://localhost:4566/",
    }
    assert files.sign_in_url == "https://localhost:4566"
    template.resource_count_is("AWS::Cognito::ManagedLoginBranding", 0)
    template.resource_count_is("AWS::Cognito::UserPoolDomain", 1)


# Pages of other origins


def test_no_page_may_call_by_default(default: Template) -> None:
    assert "CorsConfiguration" not in only(default, "AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in only(default, "AWS::S3::Bucket", "FilesBucket7C")


def test_pages_of_the_origins_given_may_call_api_and_bucket(make: Make) -> None:
    _, template = make(
        web_urls=["https://files.example.com/a", "https://files.example.com/b", LOOPBACK[0]]
    )

    origins = ["https://files.example.com", "http://localhost:8976"]
    assert only(template, "AWS::ApiGatewayV2::Api")["CorsConfiguration"] == {
        "AllowOrigins": origins,
        "AllowMethods": ["GET", "POST", "PATCH", "DELETE"],
        "AllowHeaders": ["authorization", "content-type"],
        "ExposeHeaders": ["retry-after"],
        "MaxAge": 3600,
    }
    [rule] = only(template, "AWS::S3::Bucket", "FilesBucket7C")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == origins
    assert rule["AllowedMethods"] == ["PUT", "GET", "HEAD"]
    assert rule["ExposedHeaders"] == ["ETag", "x-amz-checksum-sha256"]


def test_a_page_known_only_at_deployment_may_call(stack: cdk.Stack, make: Make) -> None:
    host = cdk.CfnParameter(stack, "Host").value_as_string
    whole = cdk.CfnParameter(stack, "Whole").value_as_string

    _, template = make(web_urls=[f"https://{host}", whole])

    origins = [{"Fn::Join": ["", ["https://", {"Ref": "Host"}]]}, {"Ref": "Whole"}]
    pages = [
        {"Fn::Join": ["", ["https://", {"Ref": "Host"}, "/"]]},
        {"Fn::Join": ["", [{"Ref": "Whole"}, "/"]]},
    ]
    cors = only(template, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == origins
    assert client(template)["LogoutURLs"] == pages


@pytest.mark.parametrize(
    ("url", "origin", "page"),
    [
        ("https://a.example", "https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example", "https://a.example/"),
        ("https://a.example:8443/x", "https://a.example:8443", "https://a.example:8443/x"),
        ("http://localhost:5173", "http://localhost:5173", "http://localhost:5173/"),
    ],
)
def test_a_page_has_an_origin(url: str, origin: str, page: str) -> None:
    assert (origin_of(url), page_of(url)) == (origin, page)


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"issuer": "https://a.example"}, "and audience is None; give both, or neither"),
        ({"audience": "a"}, "issuer is None and audience is 'a'; give both, or neither"),
        ({**THEIRS, "issuer": "login.example.com"}, "issuer is 'login.example.com'; give the clai"),
        ({**THEIRS, "audience": "a b"}, "audience is 'a b'; give 1 to 255 characters"),
        ({**THEIRS, "client_id": ""}, "client_id is ''; give 1 to 255 characters"),
        ({"client_id": "a"}, "client_id is 'a' without an issuer; give issuer and audience"),
        ({**THEIRS, "mfa": "required"}, "issuer and mfa are both given"),
        ({**THEIRS, "mfa": "off"}, "issuer and mfa are both given"),
        ({**THEIRS, "password_sign_in": True}, "issuer and password_sign_in are both given"),
        ({**THEIRS, "sign_in_domain_prefix": "a"}, "issuer and sign_in_domain_prefix are both"),
        ({**THEIRS, "user_pool_web_acl_arn": WEB_ACL}, "issuer and user_pool_web_acl_arn are both"),
        ({**THEIRS, "sign_in_rate_limit": 500}, "issuer and sign_in_rate_limit are both given"),
        ({"sign_in_rate_limit": 9}, "sign_in_rate_limit is 9; give 10 to 2,000,000,000 requests"),
        (
            {"sign_in_rate_limit": 500, "user_pool_web_acl_arn": WEB_ACL},
            "sign_in_rate_limit is 500; give one: a user pool has one web ACL",
        ),
        (
            {**THEIRS, "mail_from": "a@example.com", "mail_identity_arn": SES},
            "issuer and mail_from are both given",
        ),
        ({"mail_from": "a@example.com"}, "and mail_identity_arn is None; give both, or neither"),
        ({"mail_identity_arn": SES}, "mail_from is None and mail_identity_arn is"),
        ({"mail_from": "a", "mail_identity_arn": SES}, "mail_from is 'a'; give an address, or"),
        (
            {"mail_from": "a@example.com", "mail_identity_arn": "example.com"},
            "mail_identity_arn is 'example.com'; give the ARN of an identity of SES",
        ),
        (
            {"mail_from": "a@notexample.com", "mail_identity_arn": SES},
            "is not an identity of; give that of the address, or of its domain",
        ),
        ({**THEIRS, "endpoint_url": "https://a"}, "issuer and endpoint_url are both given"),
        ({"mfa": "sms"}, "mfa is 'sms'; give one of off, optional, required"),
        ({"sign_in_domain_prefix": "-a"}, "sign_in_domain_prefix is '-a'; give 1 to 63 of a-z"),
        ({"sign_in_domain_prefix": "A"}, "sign_in_domain_prefix is 'A'; give 1 to 63 of a-z"),
        ({"sign_in_domain_prefix": "my-cognito"}, "give 1 to 63 of a-z, 0-9 and hyphens, no"),
        ({"endpoint_url": "https://localhost:4566/"}, "scheme, host and port with nothing behind"),
        ({"web_urls": ["files.example.com"]}, "'files.example.com'; give the address of a page"),
        ({"web_urls": ["http://files.example.com/"]}, "give the address of a page with https"),
        ({"web_urls": ["http://localhost.example.com/"]}, "give the address of a page"),
        ({"web_urls": ["https://*.example.com/"]}, "give the address of a page"),
        ({"web_urls": ["https://a@example.com/"]}, "give the address of a page"),
        ({"web_urls": ["https://a.example/?x"]}, "without query or fragment"),
        ({"web_urls": ["https://a.example/#x"]}, "without query or fragment"),
        ({"web_urls": ["*"]}, "give the address of a page"),
    ],
)
def test_refuses(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**arguments)


def test_own_sign_in_example_accepts_its_tokens_alone(
    synthesize_example: Callable[[str], Template],
) -> None:
    app = synthesize_example("own_sign_in_app.py")

    app.resource_count_is("AWS::Cognito::UserPool", 0)
    assert only(app, "AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"] == {
        "Audience": ["https://files.example.com"],
        "Issuer": "https://login.example.com/",
    }
