"""Checks of settings that depend on each other."""

from __future__ import annotations

from wideload_cdk.shared.limits import UNRESERVED_CONCURRENCY


def check_pair(name: str, value: str | None, other_name: str, other: str | None) -> None:
    """Raise ValueError if one of two settings is given without the other."""
    if (value is None) != (other is None):
        raise ValueError(
            f"{name} is {value!r} and {other_name} is {other!r}; give both or neither."
        )


def check_sign_in(
    *,
    oidc_issuer: str | None,
    oidc_client_id: str | None,
    user_pool_web_acl_arn: str | None,
    mail_from: str | None,
    sign_in_rate_limit: int | None,
) -> None:
    """Raise ValueError if something for the stack's own user pool is given with an issuer."""
    if oidc_client_id is not None and oidc_issuer is None:
        raise ValueError(
            f"oidc_client_id is {oidc_client_id!r} without an oidc_issuer; give both: the user "
            "pool made here has a client of its own."
        )
    for name, value in (
        ("user_pool_web_acl_arn", user_pool_web_acl_arn),
        ("mail_from", mail_from),
    ):
        if value is not None and oidc_issuer is not None:
            raise ValueError(
                f"{name} is {value!r}, but with an oidc_issuer no user pool is made here; leave "
                "one out."
            )
    if sign_in_rate_limit is not None and (oidc_issuer or user_pool_web_acl_arn):
        raise ValueError(
            f"sign_in_rate_limit is {sign_in_rate_limit:,}, but it needs a user pool made here "
            "that has no other web ACL, so neither oidc_issuer nor user_pool_web_acl_arn; leave "
            "one out."
        )


def check_concurrency(
    *,
    api_reserved: int | None,
    worker_reserved: int | None,
    worker_max: int,
    account: int | None,
) -> None:
    """Raise ValueError if a reservation is less than is needed, or more than the account has."""
    if worker_reserved is not None and worker_reserved < worker_max:
        raise ValueError(
            f"worker_reserved_concurrency is {worker_reserved:,}, less than "
            f"worker_max_concurrency, {worker_max:,}; the queue would be throttled. Raise one or "
            "lower the other."
        )
    total = 2 * (api_reserved or 0) + (worker_reserved or 0)
    if total and account is not None and total > account - UNRESERVED_CONCURRENCY:
        raise ValueError(
            f"api_reserved_concurrency, twice, and worker_reserved_concurrency reserve {total:,}, "
            f"but of {account:,} (account_concurrency) Lambda keeps {UNRESERVED_CONCURRENCY} for "
            "other functions; lower them, leave them empty, or have AWS raise the account's quota."
        )
