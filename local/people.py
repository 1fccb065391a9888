"""Two people in the embedded cloud's user pool, with passwords that scripts can read."""

import os
from collections.abc import Iterable
from typing import TypedDict

from botocore.exceptions import ClientError

from .cloud import Cloud
from .paths import node

USERNAMES = ("ann@example.com", "ben@example.com")


class User(TypedDict):
    """A person who can sign in; user names are e-mail addresses."""

    username: str
    password: str


def ensure(cloud: Cloud, user_pool_id: str, client_id: str, known: Iterable[User]) -> list[User]:
    """Two people who can sign in: those of `known` whose password works, the others anew."""
    passwords = {user["username"]: user["password"] for user in known}
    return [
        _ensure_user(cloud, user_pool_id, client_id, username, passwords.get(username))
        for username in USERNAMES
    ]


def _ensure_user(
    cloud: Cloud, user_pool_id: str, client_id: str, username: str, password: str | None
) -> User:
    if password is None or not _can_sign_in(cloud, client_id, username, password):
        password = _new_password()
        _set_password(cloud, user_pool_id, username, password)
    return {"username": username, "password": password}


def _new_password() -> str:
    # Importing the package starts jsii, which needs a Node.js.
    os.environ.setdefault("JSII_NODE", str(node()))
    from wideload_cdk.users import new_password

    return new_password()


def _can_sign_in(cloud: Cloud, client_id: str, username: str, password: str) -> bool:
    try:
        answer = cloud.client("cognito-idp").initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
    except ClientError:
        return False
    return "AuthenticationResult" in answer


def _set_password(cloud: Cloud, user_pool_id: str, username: str, password: str) -> None:
    cognito = cloud.client("cognito-idp")
    person = {"UserPoolId": user_pool_id, "Username": username}
    try:
        cognito.admin_create_user(
            **person,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": username},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    except cognito.exceptions.UsernameExistsException:
        # The person may have been disabled in an experiment.
        cognito.admin_enable_user(**person)
    cognito.admin_set_user_password(**person, Password=password, Permanent=True)
