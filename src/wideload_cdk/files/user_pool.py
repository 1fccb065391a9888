"""The user pool of `FileTransfer`: people, public client, sign-in pages, mail and firewall."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge, of_standards
from wideload_cdk.shared.limits import INVITATION_DAYS
from wideload_cdk.shared.names import stack_suffix

SCOPES = ("openid", "email")

# Where the CLI listens for the answer. Cognito compares redirect URLs literally, port included, so
# there are several, in case the first port is in use.
LOOPBACK_URLS = tuple(f"http://localhost:{port}/callback" for port in (8976, 8977, 8978))

MFA = {
    "off": cognito.Mfa.OFF,
    "optional": cognito.Mfa.OPTIONAL,
    "required": cognito.Mfa.REQUIRED,
}

MIN_PASSWORD_LENGTH = 12
# API Gateway checks only a token's own times, so a disabled person keeps access for as long.
TOKEN_VALIDITY = Duration.hours(1)
# How long people stay signed in: by default, as long as an upload can be resumed. Replacing a
# refresh token does not extend it.
REFRESH_VALIDITY = Duration.days(7)
# How long a replaced refresh token still works, in case the answer was lost: Cognito's maximum.
ROTATION_GRACE = Duration.seconds(60)


@dataclasses.dataclass(frozen=True)
class SignIn:
    """An issuer of tokens, and the client and pages by which people get them."""

    issuer: str
    audience: str
    client_id: str
    url: str | None = None
    """Base URL of the sign-in pages, if they are known at synthesis."""
    cognito_endpoint: str | None = None
    user_pool: cognito.UserPool | None = None
    user_pool_client: cognito.UserPoolClient | None = None

    def describe(self) -> dict[str, Any]:
        """The answer to `GET /sign-in`."""
        answer: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "scopes": list(SCOPES),
        }
        if self.url is not None:
            answer["authorization_endpoint"] = f"{self.url}/oauth2/authorize"
            answer["token_endpoint"] = f"{self.url}/oauth2/token"
            answer["end_session_endpoint"] = f"{self.url}/logout"
        if self.cognito_endpoint is not None:
            answer["cognito_endpoint"] = self.cognito_endpoint
        return answer


@dataclasses.dataclass(frozen=True)
class Mail:
    """Sender of the user pool's messages, and its identity of Amazon SES."""

    sender: str
    identity_arn: str


def new_user_pool(
    scope: Construct,
    id: str,
    *,
    pages: Sequence[str],
    mfa: str,
    password_sign_in: bool,
    web_acl_arn: str | None,
    rate_limit: int | None,
    domain_prefix: str | None,
    endpoint_url: str | None,
    mail: Mail | None,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> SignIn:
    """Make a user pool with one public client. Administrators create the users."""
    pool = cognito.UserPool(
        scope,
        id,
        # Managed login, with the pages that can be branded, takes this plan or the next.
        feature_plan=cognito.FeaturePlan.ESSENTIALS,
        self_sign_up_enabled=False,
        sign_in_aliases=cognito.SignInAliases(email=True),
        sign_in_case_sensitive=False,
        standard_attributes=cognito.StandardAttributes(
            email=cognito.StandardAttribute(required=True, mutable=True)
        ),
        auto_verify=cognito.AutoVerifiedAttrs(email=True),
        # Otherwise a stolen session could take over the account with another address.
        keep_original=cognito.KeepOriginalAttrs(email=True),
        account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
        password_policy=cognito.PasswordPolicy(
            min_length=MIN_PASSWORD_LENGTH,
            require_lowercase=True,
            require_uppercase=True,
            require_digits=True,
            require_symbols=True,
            temp_password_validity=Duration.days(INVITATION_DAYS),
        ),
        mfa=MFA[mfa],
        # An authenticator app. Text messages cost money, and telephone numbers can be stolen.
        mfa_second_factor=None if mfa == "off" else cognito.MfaSecondFactor(sms=False, otp=True),
        user_invitation=_invitation(pages),
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )
    if mail is not None:
        _send_by_ses(pool, mail)
    client = pool.add_client(
        "Client",
        # A browser or a program on a person's machine can't keep a secret; PKCE needs none.
        generate_secret=False,
        o_auth=cognito.OAuthSettings(
            flows=cognito.OAuthFlows(authorization_code_grant=True),
            scopes=[cognito.OAuthScope.custom(name) for name in SCOPES],
            callback_urls=[*LOOPBACK_URLS, *pages],
            logout_urls=list(pages) or None,
        ),
        # SRP is how a machine without a browser signs in: the password never travels.
        auth_flows=cognito.AuthFlow(user_srp=True, user_password=password_sign_in or None),
        supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
        access_token_validity=TOKEN_VALIDITY,
        id_token_validity=TOKEN_VALIDITY,
        refresh_token_validity=REFRESH_VALIDITY,
        # A refresh token can be used once, so its owner's next use invalidates a stolen copy.
        refresh_token_rotation_grace_period=ROTATION_GRACE,
        enable_token_revocation=True,
        prevent_user_existence_errors=True,
    )
    prefix = domain_prefix or _unique_prefix(pool)
    domain = pool.add_domain(
        "Domain",
        cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix),
        managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
    )
    if endpoint_url is None:
        # Without a style, even Cognito's own, managed login shows an error instead of a page.
        cognito.CfnManagedLoginBranding(
            pool,
            "Branding",
            user_pool_id=pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        ).node.add_dependency(domain)
    if rate_limit is not None:
        web_acl_arn = _new_web_acl(pool, rate_limit).attr_arn
    if web_acl_arn is not None:
        wafv2.CfnWebACLAssociation(
            pool, "WebAclAssociation", resource_arn=pool.user_pool_arn, web_acl_arn=web_acl_arn
        )
    _acknowledge(pool, mfa)
    return SignIn(
        issuer=f"https://{pool.user_pool_provider_name}",
        audience=client.user_pool_client_id,
        client_id=client.user_pool_client_id,
        # Not `domain.base_url()`, which refers to the domain: once the page's stack imports that
        # export, it could not change when another prefix is set.
        url=endpoint_url or f"https://{prefix}.auth.{Stack.of(pool).region}.amazoncognito.com",
        cognito_endpoint=f"{endpoint_url}/"
        if endpoint_url
        else f"https://cognito-idp.{Stack.of(pool).region}.{Aws.URL_SUFFIX}/",
        user_pool=pool,
        user_pool_client=client,
    )


def _new_web_acl(pool: cognito.UserPool, rate_limit: int) -> wafv2.CfnWebACL:
    """Make a web ACL that allows `rate_limit` requests per address in five minutes."""
    acl = wafv2.CfnWebACL(
        pool,
        "WebAcl",
        scope="REGIONAL",
        default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=_visibility("SignIn"),
        rules=[
            wafv2.CfnWebACL.RuleProperty(
                name="RatePerAddress",
                priority=0,
                action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                statement=wafv2.CfnWebACL.StatementProperty(
                    rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                        aggregate_key_type="IP", limit=rate_limit, evaluation_window_sec=300
                    )
                ),
                visibility_config=_visibility("SignInRatePerAddress"),
            )
        ],
    )
    reason = "Its metrics count what it blocks. Full logs hold whom people sign in as."
    acknowledge(acl, of_standards({"WAFv2LoggingEnabled": reason}))
    return acl


def _visibility(metric_name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    """Metrics without sampled requests, which would hold credentials."""
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric_name, sampled_requests_enabled=False
    )


def _invitation(pages: Sequence[str]) -> cognito.UserInvitationConfig:
    where = f" at {pages[0]}" if pages else ""
    return cognito.UserInvitationConfig(
        email_subject="Your access to file transfer",
        # Not `{username}`, which is the pool's own id of the person, a UUID. No placeholder exists
        # for the address, and only the one for the password is required (docs/adr/0045).
        email_body=(
            f"You can now transfer files{where}. Sign in with your e-mail address, the one that "
            "this message was sent to, and the temporary password {####} within "
            f"{INVITATION_DAYS} days; you will be asked for one of your own."
        ),
    )


def _send_by_ses(pool: cognito.UserPool, mail: Mail) -> None:
    # `UserPoolEmail.with_ses` makes an ARN of its own, and needs a stack whose region is known.
    resource = pool.node.default_child
    assert isinstance(resource, cognito.CfnUserPool)  # noqa: S101 - for the type checker
    resource.email_configuration = cognito.CfnUserPool.EmailConfigurationProperty(
        email_sending_account="DEVELOPER", from_=mail.sender, source_arn=mail.identity_arn
    )


def _unique_prefix(pool: cognito.UserPool) -> str:
    """A prefix that is unique in the region, even among stacks of the same name.

    Like the pool, it changes only with the stack.
    """
    return f"wideload-{pool.node.addr[-8:]}-{stack_suffix(pool)}"


def _acknowledge(pool: cognito.UserPool, mfa: str) -> None:
    findings = {
        "AwsSolutions-COG8": "The Plus plan adds threat protection, and has no free tier; users "
        "can't sign up by themselves here, and passwords are long.",
    }
    if mfa != "required":
        findings["AwsSolutions-COG2"] = (
            f"MFA is {mfa} by the deployment's own setting; mfa='required' turns it on for all."
        )
    acknowledge(pool, findings)
