"""Where people sign in: a user pool of `FileTransfer`'s own, or an issuer that the team has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from wideload_cdk.shared.checks import check_range, check_text
from wideload_cdk.shared.names import stack_suffix
from wideload_cdk.shared.rules import acknowledge, acknowledge_for_standards

SCOPES = ("openid", "email")

# Where the CLI listens for its answer: Cognito compares redirect URLs as they are, port and all,
# so there are a few of them, in case that something listens on the first.
LOOPBACK_URLS = tuple(f"http://localhost:{port}/callback" for port in (8976, 8977, 8978))

MFA = {
    "off": cognito.Mfa.OFF,
    "optional": cognito.Mfa.OPTIONAL,
    "required": cognito.Mfa.REQUIRED,
}

MIN_PASSWORD_LENGTH = 12
# Life of the temporary password in an invitation.
INVITATION_DAYS = 7
# API Gateway looks at a token's own times alone, so a person who was disabled goes on for as long.
TOKEN_VALIDITY = Duration.hours(1)
# How long people stay signed in: as long as an upload can be resumed by default. Cognito doesn't
# extend it when a refresh token is replaced.
REFRESH_VALIDITY = Duration.days(7)
# How long a replaced refresh token is still taken, for an answer that was lost: the most there is.
ROTATION_GRACE = Duration.seconds(60)

_ADDRESS = r"[^\s@<>,\"]{1,64}@[^\s@<>,\"]+"

# The authority of a URL may be a token that the CDK resolves at deployment.
_PAGE = re.compile(r"(https?://[^/?#\s]+)(/[^?#\s]*)?")


@dataclasses.dataclass(frozen=True)
class SignIn:
    """Whose tokens the API takes, and where people get them."""

    issuer: str
    audience: str
    client_id: str
    url: str | None = None
    """Base URL of the sign-in pages, if they are known here."""
    cognito_endpoint: str | None = None
    user_pool: cognito.UserPool | None = None
    user_pool_client: cognito.UserPoolClient | None = None

    def describe(self) -> dict[str, Any]:
        """What `GET /sign-in` answers."""
        told: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "scopes": list(SCOPES),
        }
        if self.url is not None:
            told["authorization_endpoint"] = f"{self.url}/oauth2/authorize"
            told["token_endpoint"] = f"{self.url}/oauth2/token"
            told["end_session_endpoint"] = f"{self.url}/logout"
        if self.cognito_endpoint is not None:
            told["cognito_endpoint"] = self.cognito_endpoint
        return told


@dataclasses.dataclass(frozen=True)
class Mail:
    """Whose name the user pool's messages are sent in, by Amazon SES."""

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
    """A user pool whose people are made by an administrator, with one public client."""
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
        # Else whoever gets at a session makes the account their own with an address of theirs.
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
        # An authenticator app. Texts cost money, and telephone numbers are stolen.
        mfa_second_factor=None if mfa == "off" else cognito.MfaSecondFactor(sms=False, otp=True),
        user_invitation=_invitation(pages),
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )
    if mail is not None:
        _send_by_ses(pool, mail)
    client = pool.add_client(
        "Client",
        # A browser and a program on somebody's machine can't keep a secret; PKCE needs none.
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
        # A refresh token is taken once: one that was stolen ends by its owner's next use.
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
        # Not `domain.base_url()`, which refers to the domain: an export of it, once the page's
        # stack imports it, could not change when another prefix is set.
        url=endpoint_url or f"https://{prefix}.auth.{Stack.of(pool).region}.amazoncognito.com",
        cognito_endpoint=f"{endpoint_url}/"
        if endpoint_url
        else f"https://cognito-idp.{Stack.of(pool).region}.{Aws.URL_SUFFIX}/",
        user_pool=pool,
        user_pool_client=client,
    )


def _new_web_acl(pool: cognito.UserPool, rate_limit: int) -> wafv2.CfnWebACL:
    """Let `rate_limit` requests of one address through in five minutes."""
    acl = wafv2.CfnWebACL(
        pool,
        "WebAcl",
        scope="REGIONAL",
        default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=_visible("SignIn"),
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
                visibility_config=_visible("SignInRatePerAddress"),
            )
        ],
    )
    acknowledge_for_standards(
        acl,
        "WAFv2LoggingEnabled",
        "Its metrics count what it blocks. Full logs hold whom people sign in as.",
    )
    return acl


def _visible(metric_name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    """Metrics, but no sampled requests, which hold what people send to sign in."""
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric_name, sampled_requests_enabled=False
    )


def _invitation(pages: Sequence[str]) -> cognito.UserInvitationConfig:
    where = f" at {pages[0]}" if pages else ""
    return cognito.UserInvitationConfig(
        email_subject="Your access to file transfer",
        # Not `{username}`, which is the pool's own id of the person, a UUID. No placeholder stands
        # for the address, and only the password's must be there (docs/adr/0045).
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
    """A prefix that nobody else in the region has, whose stacks may be called the same.

    It changes only with the stack, as the pool does.
    """
    return f"wideload-{pool.node.addr[-8:]}-{stack_suffix(pool)}"


def _acknowledge(pool: cognito.UserPool, mfa: str) -> None:
    if mfa != "required":
        acknowledge(
            pool,
            "AwsSolutions-COG2",
            f"MFA is {mfa} by the deployment's own setting; mfa='required' turns it on for all.",
        )
    acknowledge(
        pool,
        "AwsSolutions-COG8",
        "The Plus plan adds threat protection, and has no free tier; nobody signs up by themselves "
        "here, and passwords are long.",
    )


def check_issuer(
    issuer: str | None, audience: str | None, *, client_id: str | None, **for_user_pool: object
) -> None:
    """Raise ValueError unless all that is given is for an issuer of the team's, or all is not."""
    if (issuer is None) != (audience is None):
        raise ValueError(
            f"issuer is {issuer!r} and audience is {audience!r}; give both, or neither and a user "
            "pool is made here."
        )
    if issuer is None or audience is None:
        if client_id is not None:
            raise ValueError(
                f"client_id is {client_id!r} without an issuer; give issuer and audience with it, "
                "for the user pool made here has a client of its own."
            )
        return
    check_text(
        "issuer",
        issuer,
        r"https://[^?#\s]+",
        "the claim `iss` of your tokens, a URL with https, as `https://login.example.com/`",
    )
    for name, text in (("audience", audience), ("client_id", client_id)):
        if text is not None:
            check_text(name, text, r"\S{1,255}", "1 to 255 characters without spaces")
    for name, value in for_user_pool.items():
        if value is not None:
            raise ValueError(
                f"issuer and {name} are both given, but {name} is for a user pool made here; see "
                "to it where your people sign in, and leave one out."
            )


def check_firewall(web_acl_arn: str | None, rate_limit: int | None) -> None:
    """Raise ValueError unless the user pool gets one web ACL at most, and WAF takes its limit."""
    if rate_limit is None:
        return
    check_range("sign_in_rate_limit", rate_limit, least=10, most=2 * 10**9, unit="requests")
    if web_acl_arn is not None:
        raise ValueError(
            f"user_pool_web_acl_arn is {web_acl_arn!r} and sign_in_rate_limit is {rate_limit:,}; "
            "give one: a user pool has one web ACL, and yours may hold such a rule itself."
        )


def check_mail(mail_from: str | None, mail_identity_arn: str | None) -> Mail | None:
    """The sender of mail, if there is one.

    Raises:
        ValueError: One is given without the other, or the identity isn't the sender's.
    """
    if mail_from is None or mail_identity_arn is None:
        if mail_from != mail_identity_arn:
            raise ValueError(
                f"mail_from is {mail_from!r} and mail_identity_arn is {mail_identity_arn!r}; give "
                "both, or neither and Cognito sends a few messages a day itself."
            )
        return None
    check_text(
        "mail_from",
        mail_from,
        rf"{_ADDRESS}|[A-Za-z0-9 ._-]{{1,64}} <{_ADDRESS}>",
        "an address, or a name and an address, as `Files <files@example.com>`",
    )
    check_text(
        "mail_identity_arn",
        mail_identity_arn,
        r"arn:aws[a-z-]*:ses:[a-z0-9-]+:\d{12}:identity/\S+",
        "the ARN of an identity of SES, as "
        "arn:aws:ses:eu-central-1:123456789012:identity/example.com",
    )
    if not Token.is_unresolved(mail_from) and not Token.is_unresolved(mail_identity_arn):
        address = mail_from.rpartition("<")[2].rstrip(">").lower()
        identity = mail_identity_arn.rpartition("/")[2].lower()
        if address != identity and not address.endswith(("@" + identity, "." + identity)):
            raise ValueError(
                f"mail_from is {mail_from!r}, which mail_identity_arn, {mail_identity_arn!r}, is "
                "not an identity of; give that of the address, or of its domain."
            )
    return Mail(mail_from, mail_identity_arn)


def check_page(url: str) -> None:
    """Raise ValueError unless Cognito takes `url` as where it may send people back to."""
    check_text(
        "a URL of web_urls",
        url,
        r"(https://[^/?#\s*@]+|http://localhost(:\d{1,5})?)(/[^?#\s*]*)?",
        "the address of a page with https, such as `https://files.example.com/`, or "
        "`http://localhost:5173/`, without query or fragment",
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of a page: what a browser calls its origin."""
    found = _PAGE.fullmatch(url)
    # Known only at deployment as a whole: then it must be an origin itself.
    return found[1] if found else url


def page_of(url: str) -> str:
    """The page as browsers write it: a bare origin gets its slash."""
    found = _PAGE.fullmatch(url)
    return url if found and found[2] else f"{url}/"


def check_endpoint(url: str) -> None:
    """Raise ValueError unless `url` can have paths put behind it."""
    check_text(
        "endpoint_url",
        url,
        r"https?://[^/?#\s]+",
        "scheme, host and port with nothing behind, as `https://localhost:4566`",
    )


def check_domain_prefix(prefix: str) -> None:
    """Raise ValueError unless Cognito takes `prefix` for its own domain."""
    name = "sign_in_domain_prefix"
    check_text(
        name,
        prefix,
        r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        "1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end",
    )
    if not Token.is_unresolved(prefix):
        for reserved in ("amazon", "aws", "cognito"):
            if reserved in prefix:
                raise ValueError(
                    f"{name} is {prefix!r}; give one without {reserved!r}, which Cognito refuses."
                )
