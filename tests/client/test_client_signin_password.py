"""Signing in by user name and password, and Cognito's further challenges."""

from __future__ import annotations

import base64
import locale
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from tests.client.fake_sign_in import POOL, FakeSignIn, Reply
from wideload._signin import sign_in_methods
from wideload._signin.cognito import Prompts
from wideload._signin.json_http import JsonHttp
from wideload._signin.srp import Srp, timestamp
from wideload.errors import RateLimitError, SignInError


def test_the_proof_is_the_one_that_others_compute() -> None:
    """Against pycognito 2024.5.1, which computed it from the same numbers."""
    modulus = int.from_bytes(b"server" * 8)
    srp = Srp(POOL.partition("_")[2], private=int.from_bytes(b"wideload" * 16))
    when = timestamp(datetime(2026, 11, 2, 9, 5, 7, tzinfo=UTC))
    server_public = f"{pow(2, modulus, _prime()) + 1:x}"

    proof = srp.proof(
        "0b1c-user",
        "pä ss:wörd",
        "f0e1d2c3b4a5968778695a4b3c2d1e0f",
        server_public,
        base64.b64encode(b"secret block " * 4).decode(),
        when,
    )

    assert when == "Mon Nov 2 09:05:07 UTC 2026"
    assert proof == "lO8duy6hkHl2+ERs2tDSAdxdG4KSu7U3r2gKK31i8i0="


def _prime() -> int:
    from tests.client.fake_sign_in import _N

    return _N


def test_the_time_is_english_everywhere() -> None:
    with suppress(locale.Error):
        locale.setlocale(locale.LC_TIME, "de_DE.UTF-8")
    try:
        assert (
            timestamp(datetime(2026, 12, 13, 1, 2, 3, tzinfo=UTC)) == "Sun Dec 13 01:02:03 UTC 2026"
        )
    finally:
        locale.setlocale(locale.LC_TIME, "C")


@pytest.mark.parametrize("user", ["ann", "ben"])
def test_signing_in_by_password_without_sending_it(
    provider: FakeSignIn, web: JsonHttp, user: str
) -> None:
    person = provider.people[user]

    for _ in range(4):  # each with other random numbers, of other lengths
        sign_in = sign_in_methods.sign_in_with_password(web, provider.url, user, person.password)

    assert (sign_in.name, sign_in.subject, sign_in.way) == (person.email, person.sub, "password")
    assert provider.access[sign_in.tokens.access_token] == user
    assert provider.operations()[:2] == ["InitiateAuth", "RespondToAuthChallenge"]
    assert not [seen for seen in provider.seen if person.password.encode() in seen.body]


@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("nobody", "Correct horse 1!")])
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    provider: FakeSignIn, web: JsonHttp, user: str, password: str
) -> None:
    with pytest.raises(SignInError, match=r"^Incorrect username or password\.$") as raised:
        sign_in_methods.sign_in_with_password(web, provider.url, user, password)

    assert raised.value.code == "NotAuthorizedException"


def test_a_server_that_makes_the_secret_known_is_refused(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    answer = {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": "00",
            "SRP_B": f"{_prime():x}",
            "SECRET_BLOCK": "",
            "USER_ID_FOR_SRP": "sub-ann",
        },
    }
    provider.fail("POST /cognito", Reply(200, answer))

    with pytest.raises(SignInError, match="challenge is broken"):
        sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!")


def test_a_provider_that_is_no_cognito_takes_no_password(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    provider.cognito = False

    with pytest.raises(SignInError, match="sign in with a browser"):
        sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!")


@pytest.mark.parametrize(
    ("challenge", "source"),
    [
        ("SOFTWARE_TOKEN_MFA", "the authenticator app"),
        ("SMS_MFA", "the text message to +*******1234"),
        ("EMAIL_OTP", "the e-mail"),
    ],
)
def test_a_second_factor_is_asked_for_until_it_is_right(
    provider: FakeSignIn, web: JsonHttp, challenge: str, source: str
) -> None:
    provider.people["ann"].challenges = [challenge]
    typed = iter(["000000", " 123456 "])
    asked = []

    def code(where: str, wrong: bool) -> str:
        asked.append((where, wrong))
        return next(typed)

    sign_in = sign_in_methods.sign_in_with_password(
        web, provider.url, "ann", "Correct horse 1!", Prompts(code=code)
    )

    assert sign_in.subject == "sub-ann"
    assert asked == [(source, False), (source, True)]


def test_three_wrong_codes_are_enough(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.people["ann"].challenges = ["SOFTWARE_TOKEN_MFA"]

    with pytest.raises(SignInError, match="the code was wrong"):
        sign_in_methods.sign_in_with_password(
            web, provider.url, "ann", "Correct horse 1!", Prompts(code=lambda where, wrong: "1")
        )


def test_the_app_is_preferred_to_a_message(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.people["ann"].challenges = ["SELECT_MFA_TYPE"]
    asked = []

    def code(where: str, wrong: bool) -> str:
        asked.append(where)
        return "123456"

    sign_in_methods.sign_in_with_password(
        web, provider.url, "ann", "Correct horse 1!", Prompts(code=code)
    )

    assert asked == ["the authenticator app"]


def test_a_temporary_password_is_replaced(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.people["ann"].challenges = ["NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA"]
    chosen = iter(["short", "long enough 1!"])
    reasons: list[str | None] = []

    def new_password(why: str | None) -> str:
        reasons.append(why)
        return next(chosen)

    prompts = Prompts(code=lambda where, wrong: "123456", new_password=new_password)
    sign_in = sign_in_methods.sign_in_with_password(
        web, provider.url, "ann", "Correct horse 1!", prompts
    )

    assert sign_in.subject == "sub-ann"
    assert provider.people["ann"].password == "long enough 1!"
    assert reasons == [
        None,
        "Password did not conform with policy: Password not long enough",
    ]


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        ("SOFTWARE_TOKEN_MFA", "a code from the authenticator app is wanted"),
        ("NEW_PASSWORD_REQUIRED", "the password is a temporary one"),
        ("MFA_SETUP", "a second factor must be set up first"),
        ("CUSTOM_CHALLENGE", "the user pool wants CUSTOM_CHALLENGE: sign in with a browser"),
    ],
)
def test_the_error_names_the_challenge_that_a_machine_cant_answer(
    provider: FakeSignIn, web: JsonHttp, challenge: str, says: str
) -> None:
    provider.people["ann"].challenges = [challenge]

    with pytest.raises(SignInError, match=says) as raised:
        sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!")

    assert raised.value.code == challenge


def test_a_pool_that_wants_to_know_more_sends_to_the_browser(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    provider.people["ann"].challenges = ["NEW_PASSWORD_REQUIRED"]
    provider.people["ann"].attributes = ["userAttributes.birthdate"]
    prompts = Prompts(new_password=lambda why: "long enough 1!")

    with pytest.raises(SignInError, match="wants to know birthdate: sign in once with a browser"):
        sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!", prompts)


def test_a_pool_that_goes_on_asking_is_left(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.people["ann"].challenges = ["SOFTWARE_TOKEN_MFA"] * 9

    with pytest.raises(SignInError, match="goes on asking"):
        sign_in_methods.sign_in_with_password(
            web,
            provider.url,
            "ann",
            "Correct horse 1!",
            Prompts(code=lambda where, wrong: "123456"),
        )


def test_throttling_is_no_wrong_password(provider: FakeSignIn, web: JsonHttp) -> None:
    slow = Reply(400, {"__type": "TooManyRequestsException", "message": "Rate exceeded"})
    provider.fail("POST /cognito", slow)

    with pytest.raises(RateLimitError, match="Rate exceeded"):
        sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!")
