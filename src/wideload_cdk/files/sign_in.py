"""Sign-in of `FileTransfer`: a given issuer of tokens, or a user pool made here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aws_cdk import RemovalPolicy, Token
from constructs import Construct

from wideload_cdk.files.user_pool import MFA, Mail, SignIn, new_user_pool
from wideload_cdk.shared.checks import check_choice, check_format, check_limit
from wideload_cdk.shared.formats import (
    AUDIENCE,
    CLIENT_ID,
    DOMAIN_PREFIX,
    ENDPOINT_URL,
    ISSUER,
    MAIL_SENDER,
    PAGE_URL,
    SES_IDENTITY_ARN,
)
from wideload_cdk.shared.limits import SIGN_IN_RATE_LIMIT

# The authority of a URL may be a token that the CDK resolves at deployment.
_PAGE = re.compile(r"(https?://[^/?#\s]+)(/[^?#\s]*)?")


def new_sign_in(
    scope: Construct,
    *,
    issuer: str | None,
    audience: str | None,
    client_id: str | None,
    web_urls: Sequence[str],
    mfa: str,
    password_sign_in: bool,
    web_acl_arn: str | None,
    rate_limit: int | None,
    domain_prefix: str | None,
    mail_from: str | None,
    mail_identity_arn: str | None,
    endpoint_url: str | None,
    deletion_protection: bool,
    removal_policy: RemovalPolicy,
) -> SignIn:
    """Check the arguments of `FileTransfer` for sign-in, and make a user pool if none is given.

    Raises:
        ValueError: An argument is out of range, or doesn't go with another.
    """
    for url in web_urls:
        check_format("a URL of web_urls", url, PAGE_URL)
    check_choice("mfa", mfa, list(MFA))
    if rate_limit is not None:
        check_firewall(web_acl_arn, rate_limit)
    if domain_prefix is not None:
        check_format("sign_in_domain_prefix", domain_prefix, DOMAIN_PREFIX)
    if endpoint_url is not None:
        check_format("endpoint_url", endpoint_url, ENDPOINT_URL)
    mail = check_mail(mail_from, mail_identity_arn)
    check_issuer(
        issuer,
        audience,
        client_id=client_id,
        mfa=None if mfa == "optional" else mfa,
        password_sign_in=password_sign_in or None,
        user_pool_web_acl_arn=web_acl_arn,
        sign_in_rate_limit=rate_limit,
        sign_in_domain_prefix=domain_prefix,
        mail_from=mail_from,
        endpoint_url=endpoint_url,
    )
    if issuer is not None and audience is not None:
        return SignIn(issuer=issuer, audience=audience, client_id=client_id or audience)
    return new_user_pool(
        scope,
        "UserPool",
        pages=list(dict.fromkeys(map(page_of, web_urls))),
        mfa=mfa,
        password_sign_in=password_sign_in,
        web_acl_arn=web_acl_arn,
        rate_limit=rate_limit,
        domain_prefix=domain_prefix,
        endpoint_url=endpoint_url,
        mail=mail,
        deletion_protection=deletion_protection,
        removal_policy=removal_policy,
    )


def check_issuer(
    issuer: str | None, audience: str | None, *, client_id: str | None, **for_user_pool: object
) -> None:
    """Raise ValueError if arguments for a given issuer and for a user pool are mixed.

    `for_user_pool` are the arguments that only a user pool made here can use, or None.
    """
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
    check_format("issuer", issuer, ISSUER)
    check_format("audience", audience, AUDIENCE)
    if client_id is not None:
        check_format("client_id", client_id, CLIENT_ID)
    for name, value in for_user_pool.items():
        if value is not None:
            raise ValueError(
                f"issuer and {name} are both given, but {name} is for a user pool made here; see "
                "to it where your people sign in, and leave one out."
            )


def check_firewall(web_acl_arn: str | None, rate_limit: int) -> None:
    """Raise ValueError if WAF refuses `rate_limit`, or a web ACL is given besides."""
    check_limit("sign_in_rate_limit", rate_limit, SIGN_IN_RATE_LIMIT)
    if web_acl_arn is not None:
        raise ValueError(
            f"user_pool_web_acl_arn is {web_acl_arn!r} and sign_in_rate_limit is {rate_limit:,}; "
            "give one: a user pool has one web ACL, and yours may hold such a rule itself."
        )


def check_mail(mail_from: str | None, mail_identity_arn: str | None) -> Mail | None:
    """Return the sender of mail, if there is one.

    Raises:
        ValueError: Only one is given, or the identity does not belong to the sender.
    """
    if mail_from is None or mail_identity_arn is None:
        if mail_from != mail_identity_arn:
            raise ValueError(
                f"mail_from is {mail_from!r} and mail_identity_arn is {mail_identity_arn!r}; give "
                "both, or neither and Cognito sends a few messages a day itself."
            )
        return None
    check_format("mail_from", mail_from, MAIL_SENDER)
    check_format("mail_identity_arn", mail_identity_arn, SES_IDENTITY_ARN)
    if not Token.is_unresolved(mail_from) and not Token.is_unresolved(mail_identity_arn):
        address = mail_from.rpartition("<")[2].rstrip(">").lower()
        identity = mail_identity_arn.rpartition("/")[2].lower()
        if address != identity and not address.endswith(("@" + identity, "." + identity)):
            raise ValueError(
                f"mail_from is {mail_from!r}, which mail_identity_arn, {mail_identity_arn!r}, is "
                "not an identity of; give that of the address, or of its domain."
            )
    return Mail(mail_from, mail_identity_arn)


def origin_of(url: str) -> str:
    """The origin of a page: its scheme, host and port."""
    found = _PAGE.fullmatch(url)
    # A URL that is known only at deployment is taken for an origin.
    return found[1] if found else url


def page_of(url: str) -> str:
    """The page as browsers write it: with a slash after a bare origin."""
    found = _PAGE.fullmatch(url)
    return url if found and found[2] else f"{url}/"
