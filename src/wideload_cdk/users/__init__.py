"""Users of `FileTransfer`'s own user pool: make, invite, list, disable, enable and delete them.

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

# Catches most mistakes; Cognito checks the address itself.
EMAIL_PATTERN = r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+"
MAX_EMAIL_LENGTH = 254
PASSWORD_LENGTH = 24
# Symbols that Cognito counts as such and that need no quoting in a shell, a URL or a form.
_SYMBOLS = "._"


class Cognito(Protocol):
    """Those methods of boto3's `cognito-idp` client that are used here."""

    def admin_create_user(self, **arguments: Any) -> Any: ...
    def admin_delete_user(self, **arguments: Any) -> Any: ...
    def admin_disable_user(self, **arguments: Any) -> Any: ...
    def admin_enable_user(self, **arguments: Any) -> Any: ...
    def admin_get_user(self, **arguments: Any) -> Any: ...
    def admin_user_global_sign_out(self, **arguments: Any) -> Any: ...
    def list_users(self, **arguments: Any) -> Any: ...


class UserNotFoundError(LookupError):
    """No user has that address or id."""


class UserExistsError(ValueError):
    """A user has that address already."""


class UserConfirmedError(ValueError):
    """The user has signed in before, and needs no invitation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class User:
    """A person who may transfer files. Times are ISO 8601, UTC."""

    user_id: str
    """Claim `sub` of their tokens, which is the owner of their files."""
    email: str
    status: str
    """Cognito's status: `FORCE_CHANGE_PASSWORD` until the first sign-in, then `CONFIRMED`."""
    enabled: bool
    created_at: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewUser(User):
    """A new user. `password` is the temporary password, or None if Cognito mails one."""

    password: str | None = dataclasses.field(default=None, repr=False)


def create_user(cognito: Cognito, user_pool_id: str, email: str, *, invite: bool = True) -> NewUser:
    """Make a user who signs in with an e-mail address.

    Args:
        cognito: boto3's `cognito-idp` client.
        user_pool_id: The user pool.
        email: E-mail address; it counts as verified.
        invite: Whether Cognito mails a temporary password; else the returned user holds it. It is
            valid for 7 days, and must be changed at the first sign-in.

    Raises:
        ValueError: `email` is no address.
        UserExistsError: A user has that address already.
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
                # Else the user could not reset a forgotten password.
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
        raise UserExistsError(f"There is a user with the address {email} already.") from None
    return NewUser(**dataclasses.asdict(_user(answer["User"], "Attributes")), password=password)


def invite_again(cognito: Cognito, user_pool_id: str, email: str) -> User:
    """Mail a new temporary password, valid for 7 days, to a user who has never signed in.

    Raises:
        UserNotFoundError: No user has that address.
        UserConfirmedError: The user has signed in before.
    """
    try:
        with _user_must_exist(email):
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
            f"{email} has signed in before and needs no invitation. A forgotten password is reset "
            "on the sign-in page."
        ) from None
    return _user(answer["User"], "Attributes")


def list_users(cognito: Cognito, user_pool_id: str) -> Iterator[User]:
    """Yield the users of the user pool, in no particular order."""
    arguments: dict[str, Any] = {"UserPoolId": user_pool_id}
    while True:
        page = cognito.list_users(**arguments)
        for found in page["Users"]:
            yield _user(found, "Attributes")
        if not page.get("PaginationToken"):
            return
        arguments["PaginationToken"] = page["PaginationToken"]


def disable_user(cognito: Cognito, user_pool_id: str, email: str) -> User:
    """Keep a user from signing in, and end their sessions. Their files stay.

    Access tokens work until they expire, for up to an hour.

    Raises:
        UserNotFoundError: No user has that address.
    """
    person = {"UserPoolId": user_pool_id, "Username": email}
    with _user_must_exist(email):
        cognito.admin_user_global_sign_out(**person)
        cognito.admin_disable_user(**person)
        return _user(cognito.admin_get_user(**person), "UserAttributes")


def enable_user(cognito: Cognito, user_pool_id: str, email: str) -> User:
    """Let a disabled user sign in again.

    Raises:
        UserNotFoundError: No user has that address.
    """
    person = {"UserPoolId": user_pool_id, "Username": email}
    with _user_must_exist(email):
        cognito.admin_enable_user(**person)
        return _user(cognito.admin_get_user(**person), "UserAttributes")


def find_user(cognito: Cognito, user_pool_id: str, person: str) -> User:
    """Find a user by their address or user id.

    Raises:
        UserNotFoundError: No user has that address or id.
    """
    with _user_must_exist(person):
        found = cognito.admin_get_user(UserPoolId=user_pool_id, Username=person)
    return _user(found, "UserAttributes")


def delete_user(cognito: Cognito, user_pool_id: str, person: str) -> None:
    """Delete a user from the user pool, for good. Their files stay: delete those first.

    Raises:
        UserNotFoundError: No user has that address or id.
    """
    with _user_must_exist(person):
        cognito.admin_delete_user(UserPoolId=user_pool_id, Username=person)


def new_password() -> str:
    """A random password with a character of each kind that the user pool requires."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    chosen = [secrets.choice(kind) for kind in kinds]
    chosen += [secrets.choice("".join(kinds)) for _ in range(PASSWORD_LENGTH - len(kinds))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


@contextmanager
def _user_must_exist(email: str) -> Iterator[None]:
    """Raise `UserNotFoundError` if Cognito doesn't know the user."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "UserNotFoundException":
            raise
        raise UserNotFoundError(f"There is no user {email}.") from None


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
