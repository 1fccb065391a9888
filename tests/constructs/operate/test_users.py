"""Functions of `wideload_cdk.users`, with a fake Cognito that refuses what Cognito refuses."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from wideload_cdk import users

POOL = "eu-central-1_abc"
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone(dt.timedelta(hours=1)))


class FakeCognito:
    """A user pool whose people sign in by their address, however it is written.

    Lists come in pages of two. `mailed` are the addresses that got an invitation.
    """

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.mailed: list[str] = []
        self.passwords: dict[str, str] = {}
        self.signed_out: list[str] = []

    def admin_create_user(
        self,
        *,
        UserPoolId: str,  # noqa: N803
        Username: str,  # noqa: N803
        UserAttributes: list[dict[str, str]] = [],  # noqa: N803, B006
        DesiredDeliveryMediums: list[str] | None = None,  # noqa: N803
        MessageAction: str | None = None,  # noqa: N803
        TemporaryPassword: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        _check_pool(UserPoolId)
        if MessageAction == "RESEND":
            person = self._find(UserPoolId=UserPoolId, Username=Username)
            if person["UserStatus"] != "FORCE_CHANGE_PASSWORD":
                raise _refusal("UnsupportedUserStateException")
            assert (UserAttributes, DesiredDeliveryMediums) == ([], ["EMAIL"])
            self.mailed.append(Username)
            return {"User": dict(person)}
        if Username.lower() in self.people:
            raise _refusal("UsernameExistsException")
        values = {each["Name"]: each["Value"] for each in UserAttributes}
        assert values == {"email": Username, "email_verified": "true"}
        if MessageAction == "SUPPRESS":
            assert TemporaryPassword is not None
            _check_policy(TemporaryPassword)
            self.passwords[Username] = TemporaryPassword
        else:
            assert DesiredDeliveryMediums == ["EMAIL"]
            self.mailed.append(Username)
        person = {
            "Username": f"id-{len(self.people)}",
            "Attributes": [{"Name": "sub", "Value": f"id-{len(self.people)}"}, *UserAttributes],
            "UserCreateDate": NOW,
            "Enabled": True,
            "UserStatus": "FORCE_CHANGE_PASSWORD",
        }
        self.people[Username.lower()] = person
        return {"User": dict(person)}

    def admin_get_user(self, **arguments: str) -> dict[str, Any]:
        person = dict(self._find(**arguments))
        # As Cognito has it here, and here alone.
        person["UserAttributes"] = person.pop("Attributes")
        return person

    def admin_disable_user(self, **arguments: str) -> None:
        self._find(**arguments)["Enabled"] = False

    def admin_delete_user(self, **arguments: str) -> None:
        person = self._find(**arguments)
        self.people = {name: each for name, each in self.people.items() if each is not person}

    def admin_enable_user(self, **arguments: str) -> None:
        self._find(**arguments)["Enabled"] = True

    def admin_user_global_sign_out(self, **arguments: str) -> None:
        self.signed_out.append(self._find(**arguments)["Username"])

    def list_users(
        self,
        *,
        UserPoolId: str,  # noqa: N803
        PaginationToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        _check_pool(UserPoolId)
        start = int(PaginationToken)
        everybody = list(self.people.values())
        more = start + 2 < len(everybody)
        return {
            "Users": everybody[start : start + 2],
            **({"PaginationToken": str(start + 2)} if more else {}),
        }

    def _find(self, *, UserPoolId: str, Username: str) -> dict[str, Any]:  # noqa: N803
        """By address, or by the name that the pool gave them."""
        _check_pool(UserPoolId)
        for address, person in self.people.items():
            if Username.lower() in (address, person["Username"]):
                return person
        raise _refusal("UserNotFoundException")


def _check_pool(pool: str) -> None:
    if pool != POOL:
        raise _refusal("ResourceNotFoundException")


def _check_policy(password: str) -> None:
    """That of the user pool that `FileTransfer` makes."""
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[\^$*.\[\]{}()?\"!@#%&/\\,><':;|_~`=+-]")
    if len(password) < 12 or not all(re.search(kind, password) for kind in kinds):
        raise _refusal("InvalidPasswordException")


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "operation")


@pytest.fixture
def cognito() -> FakeCognito:
    return FakeCognito()


def test_a_new_user_gets_a_password_by_mail(cognito: FakeCognito) -> None:
    new = users.create_user(cognito, POOL, "ann@example.com")

    assert cognito.mailed == ["ann@example.com"]
    assert new == users.NewUser(
        user_id="id-0",
        email="ann@example.com",
        status="FORCE_CHANGE_PASSWORD",
        enabled=True,
        created_at="2026-01-02T02:04:05+00:00",
        password=None,
    )


def test_the_password_of_a_new_user_can_be_returned_instead(cognito: FakeCognito) -> None:
    new = users.create_user(cognito, POOL, "ann@example.com", invite=False)

    assert cognito.mailed == []
    assert new.password == cognito.passwords["ann@example.com"]
    assert new.password not in repr(new)


def test_passwords_need_no_quoting_and_are_strong() -> None:
    made = {users.new_password() for _ in range(200)}

    assert len(made) == 200
    for password in made:
        assert re.fullmatch(r"[A-Za-z0-9._]{24}", password)
        _check_policy(password)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "a b@example.com",
        "a@b@example.com",
        "ann@example.com\n",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 250}.com",
    ],
)
def test_an_invalid_address_is_refused(cognito: FakeCognito, email: str) -> None:
    with pytest.raises(ValueError, match=r"is no e-mail address; give one"):
        users.create_user(cognito, POOL, email)

    assert cognito.people == {}


def test_the_same_address_is_refused_however_it_is_written(cognito: FakeCognito) -> None:
    users.create_user(cognito, POOL, "ann@example.com")

    with pytest.raises(users.UserExistsError, match=r"address Ann@Example\.com already"):
        users.create_user(cognito, POOL, "Ann@Example.com")


def test_all_users_are_listed_page_by_page(cognito: FakeCognito) -> None:
    for name in "abcde":
        users.create_user(cognito, POOL, f"{name}@example.com")

    found = list(users.list_users(cognito, POOL))

    assert [user.email for user in found] == [f"{name}@example.com" for name in "abcde"]
    assert {user.created_at for user in found} == {"2026-01-02T02:04:05+00:00"}


def test_a_disabled_user_is_signed_out(cognito: FakeCognito) -> None:
    users.create_user(cognito, POOL, "ann@example.com")

    disabled = users.disable_user(cognito, POOL, "ann@example.com")

    assert disabled.enabled is False
    assert cognito.signed_out == ["id-0"]


def test_a_disabled_user_can_be_enabled(cognito: FakeCognito) -> None:
    users.create_user(cognito, POOL, "ann@example.com")
    users.disable_user(cognito, POOL, "ann@example.com")

    assert users.enable_user(cognito, POOL, "ann@example.com").enabled is True


def test_a_user_who_never_signed_in_can_be_invited_again(cognito: FakeCognito) -> None:
    users.create_user(cognito, POOL, "ann@example.com", invite=False)

    user = users.invite_again(cognito, POOL, "ann@example.com")

    assert cognito.mailed == ["ann@example.com"]
    assert (user.email, user.status) == ("ann@example.com", "FORCE_CHANGE_PASSWORD")


def test_a_user_who_has_signed_in_is_not_invited_again(cognito: FakeCognito) -> None:
    users.create_user(cognito, POOL, "ann@example.com", invite=False)
    cognito.people["ann@example.com"]["UserStatus"] = "CONFIRMED"

    with pytest.raises(users.UserConfirmedError, match=r"ann@example\.com has signed in before"):
        users.invite_again(cognito, POOL, "ann@example.com")

    assert cognito.mailed == []


CHANGES = [users.invite_again, users.disable_user, users.enable_user]


@pytest.mark.parametrize("change", CHANGES)
def test_an_unknown_user_is_named_in_the_error(cognito: FakeCognito, change: Any) -> None:
    with pytest.raises(users.UserNotFoundError, match=r"There is no user ben@example\.com\."):
        change(cognito, POOL, "ben@example.com")


@pytest.mark.parametrize("change", [users.create_user, *CHANGES])
def test_other_refusals_are_passed_on(cognito: FakeCognito, change: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        change(cognito, "another", "ann@example.com")
