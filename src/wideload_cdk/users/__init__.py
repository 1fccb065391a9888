"""People of `FileTransfer`'s own user pool: make, invite, list, disable, enable and delete them.

From Python, with a boto3 client of Cognito::

    cognito = boto3.client("cognito-idp")
    create_user(cognito, "eu-central-1_…", "ann@example.com")

or as a program, `wideload-users` or `python -m wideload_cdk.users`. Needs the extra
`wideload-cdk[operate]`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from botocore.exceptions import ClientError

# Enough to tell an address from something else; Cognito and the mail decide the rest.
EMAIL_PATTERN = r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+"
MAX_EMAIL_LENGTH = 254
PASSWORD_LENGTH = 24
# Those of Cognito's symbols that need no quoting in a shell, a URL or a form.
_SYMBOLS = "._"


class Cognito(Protocol):
    """The part of boto3's `cognito-idp` client that is used here."""

    def admin_create_user(self, **arguments: Any) -> Any: ...
    def admin_delete_user(self, **arguments: Any) -> Any: ...
    def admin_disable_user(self, **arguments: Any) -> Any: ...
    def admin_enable_user(self, **arguments: Any) -> Any: ...
    def admin_get_user(self, **arguments: Any) -> Any: ...
    def admin_user_global_sign_out(self, **arguments: Any) -> Any: ...
    def list_users(self, **arguments: Any) -> Any: ...


class UserNotFoundError(LookupError):
    """Nobody signs in with that address."""


class UserExistsError(ValueError):
    """Somebody signs in with that address already."""


class UserConfirmedError(ValueError):
    """They have signed in before, and need no invitation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class User:
    """Somebody who may transfer files. Times are ISO 8601, UTC."""

    user_id: str
    """Claim `sub` of their tokens, by which their files are kept."""
    email: str
    status: str
    """Cognito's word: `FORCE_CHANGE_PASSWORD` until they sign in first, then `CONFIRMED`."""
    enabled: bool
    created_at: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewUser(User):
    """Somebody who was just made. `password` is their first, unless Cognito mails one to them."""

    password: str | None = dataclasses.field(default=None, repr=False)


def create_user(cognito: Cognito, user_pool_id: str, email: str, *, invite: bool = True) -> NewUser:
    """Let somebody sign in with their address.

    Args:
        cognito: boto3's `cognito-idp` client.
        user_pool_id: The user pool.
        email: Their address, taken for verified.
        invite: Whether Cognito mails them a temporary password; else it is in what is returned.
            They are asked for one of their own when they use it, within 7 days.

    Raises:
        ValueError: `email` is no address.
        UserExistsError: Somebody signs in with it already.
    """
    if len(email) > MAX_EMAIL_LENGTH or not re.fullmatch(EMAIL_PATTERN, email):
        raise ValueError(f"{email!r} is no e-mail address; give one, as ann@example.com.")
    password = None if invite else new_password()
    try:
        answer = cognito.admin_create_user(
            UserPoolId=user_pool_id,
            Username=email,
            UserAttributes=[
                {"Name": "email", "Value": email},
                # Else they could not recover their account by it.
                {"Name": "email_verified", "Value": "true"},
            ],
            **(
                {"DesiredDeliveryMediums": ["EMAIL"]}
                if password is None
                else {"MessageAction": "SUPPRESS", "TemporaryPassword": password}
            ),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "UsernameExistsException":
            raise
        raise UserExistsError(f"There is somebody with the address {email} already.") from None
    return NewUser(**dataclasses.asdict(_user(answer["User"], "Attributes")), password=password)


def invite_again(cognito: Cognito, user_pool_id: str, email: str) -> User:
    """Mail a new temporary password to somebody who hasn't signed in yet, good for 7 days anew.

    Raises:
        UserNotFoundError: Nobody has that address.
        UserConfirmedError: They have a password of their own.
    """
    try:
        with _name_unknown(email):
            answer = cognito.admin_create_user(
                UserPoolId=user_pool_id,
                Username=email,
                MessageAction="RESEND",
                DesiredDeliveryMediums=["EMAIL"],
            )
    except ClientError as error:
        if error.response["Error"]["Code"] != "UnsupportedUserStateException":
            raise
        raise UserConfirmedError(
            f"{email} has signed in before, so there is nothing to invite to. Whoever forgot their "
            "password gets a new one on the sign-in page."
        ) from None
    return _user(answer["User"], "Attributes")


def list_users(cognito: Cognito, user_pool_id: str) -> Iterator[User]:
    """Everybody in the user pool, in no order."""
    arguments: dict[str, Any] = {"UserPoolId": user_pool_id}
    while True:
        page = cognito.list_users(**arguments)
        for found in page["Users"]:
            yield _user(found, "Attributes")
        if not page.get("PaginationToken"):
            return
        arguments["PaginationToken"] = page["PaginationToken"]


def disable_user(cognito: Cognito, user_pool_id: str, email: str) -> User:
    """Let somebody sign in no more, and end their sessions. Their files stay.

    Access tokens that they have go on working until they expire, for up to an hour.

    Raises:
        UserNotFoundError: Nobody signs in with that address.
    """
    person = {"UserPoolId": user_pool_id, "Username": email}
    with _name_unknown(email):
        cognito.admin_user_global_sign_out(**person)
        cognito.admin_disable_user(**person)
        return _user(cognito.admin_get_user(**person), "UserAttributes")


def enable_user(cognito: Cognito, user_pool_id: str, email: str) -> User:
    """Let somebody sign in again.

    Raises:
        UserNotFoundError: Nobody signs in with that address.
    """
    person = {"UserPoolId": user_pool_id, "Username": email}
    with _name_unknown(email):
        cognito.admin_enable_user(**person)
        return _user(cognito.admin_get_user(**person), "UserAttributes")


def find_user(cognito: Cognito, user_pool_id: str, person: str) -> User:
    """Somebody by their address or user id.

    Raises:
        UserNotFoundError: There is nobody.
    """
    with _name_unknown(person):
        found = cognito.admin_get_user(UserPoolId=user_pool_id, Username=person)
    return _user(found, "UserAttributes")


def delete_user(cognito: Cognito, user_pool_id: str, person: str) -> None:
    """Take somebody out of the user pool, for good. Their files stay: delete those before.

    Raises:
        UserNotFoundError: There is nobody.
    """
    with _name_unknown(person):
        cognito.admin_delete_user(UserPoolId=user_pool_id, Username=person)


def new_password() -> str:
    """A random password with a character of each kind that the user pool asks for."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    chosen = [secrets.choice(kind) for kind in kinds]
    chosen += [secrets.choice("".join(kinds)) for _ in range(PASSWORD_LENGTH - len(kinds))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


@contextmanager
def _name_unknown(email: str) -> Iterator[None]:
    """Turn Cognito's answer for somebody it doesn't know into ours."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "UserNotFoundException":
            raise
        raise UserNotFoundError(f"There is nobody with the address {email}.") from None


def _user(found: dict[str, Any], attributes: str) -> User:
    values = {each["Name"]: each["Value"] for each in found[attributes]}
    created: dt.datetime = found["UserCreateDate"]
    return User(
        user_id=values["sub"],
        email=values.get("email", ""),
        status=found["UserStatus"],
        enabled=found["Enabled"],
        created_at=created.astimezone(dt.UTC).isoformat(timespec="seconds"),
    )
