"""Sign in at a Cognito user pool by user name and password, without its web page.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wideload._signin.json_http import JsonHttp
from wideload._signin.provider import Provider
from wideload._signin.srp import Srp, timestamp
from wideload._signin.tokens import Tokens, claims
from wideload.errors import RateLimitError, SignInError

# Attempts that a person has to type a code, or to choose a password that the pool's policy allows.
_TRIES = 3
# A pool poses a few challenges in turn; more are a loop.
_MOST_CHALLENGES = 8

# Each challenge of a second factor, with the source of its code.
_CODES = {
    "SOFTWARE_TOKEN_MFA": "the authenticator app",
    "SMS_MFA": "the text message",
    "EMAIL_OTP": "the e-mail",
    "SMS_OTP": "the text message",
}
_TOO_MANY = {"TooManyRequestsException", "LimitExceededException"}


@dataclass(frozen=True)
class Prompts:
    """Functions that ask a person for more than name and password.

    Where one is None, signing in fails with an error that says what the pool requires.

    Attributes:
        code: Returns the code. Called with its source, such as `the text message to +*******12`,
            and whether the last code was wrong.
        new_password: Returns a new password. Called with the reason why the last one was refused,
            or None at first.
    """

    code: Callable[[str, bool], str] | None = None
    new_password: Callable[[str | None], str] | None = None


class _Refused(SignInError):  # noqa: N818 - it is one by its base
    """An error answer of Cognito."""


class Cognito:
    """Cognito's API, for one public client of a user pool.

    Raises:
        SignInError: The provider isn't a Cognito user pool.
    """

    def __init__(self, http: JsonHttp, provider: Provider) -> None:
        if not provider.cognito_endpoint:
            raise SignInError(
                "this deployment's identity provider takes user name and password on its own page "
                "alone: sign in with a browser"
            )
        self._http = http
        self._client_id = provider.client_id
        self._endpoint = provider.cognito_endpoint
        # https://cognito-idp.<region>.amazonaws.com/<region>_<name>
        self._pool = provider.issuer.rstrip("/").rpartition("_")[2]

    def sign_in(
        self, username: str, password: str, prompts: Prompts
    ) -> tuple[Tokens, dict[str, Any]]:
        """Tokens, and the claims of the ID token.

        Raises:
            SignInError: The name, the password or a code is wrong, or the pool poses a challenge
                that only its web page can answer.
            TransportError, ServerError, RateLimitError: No useful answer came.
        """
        srp = Srp(self._pool)
        parameters = {"USERNAME": username, "SRP_A": srp.public}
        answer = self._initiate("USER_SRP_AUTH", parameters)
        for _ in range(_MOST_CHALLENGES):
            if "AuthenticationResult" in answer:
                result = answer["AuthenticationResult"]
                return self._tokens(result), claims(result.get("IdToken"))
            challenge = _Challenge.of(answer, username)
            match challenge.name:
                case "PASSWORD_VERIFIER":
                    answer = self._prove(challenge, srp, password)
                    username = challenge.parameters.get("USER_ID_FOR_SRP", username)
                case "NEW_PASSWORD_REQUIRED":
                    answer = self._set_password(challenge, prompts)
                case "SELECT_MFA_TYPE":
                    answer = self._respond(challenge, ANSWER=_preferred(challenge))
                case name if name in _CODES:
                    answer = self._give_code(challenge, prompts)
                case "MFA_SETUP":
                    raise SignInError(
                        "a second factor must be set up first: sign in once with a browser",
                        code="MFA_SETUP",
                    )
                case name:
                    raise SignInError(
                        f"the user pool wants {name}: sign in with a browser", code=name
                    )
        raise SignInError("the user pool goes on asking: sign in with a browser")

    def refresh(self, refresh_token: str) -> Tokens:
        """New tokens for a refresh token of `sign_in`.

        Raises:
            SignInError: Cognito refuses it.
            TransportError, ServerError, RateLimitError: No useful answer came.
        """
        # The flow REFRESH_TOKEN_AUTH is refused where refresh tokens rotate.
        members = {"ClientId": self._client_id, "RefreshToken": refresh_token}
        answer = self._call("GetTokensFromRefreshToken", members)
        return self._tokens(answer.get("AuthenticationResult") or {})

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token, and the access tokens that were made from it.

        Raises:
            SignInError: Cognito refused.
            TransportError, ServerError, RateLimitError: No useful answer came.
        """
        self._call("RevokeToken", {"ClientId": self._client_id, "Token": refresh_token})

    def _prove(self, challenge: _Challenge, srp: Srp, password: str) -> dict[str, Any]:
        try:
            given = challenge.parameters
            user_id, block = given["USER_ID_FOR_SRP"], given["SECRET_BLOCK"]
            now = timestamp(datetime.fromtimestamp(self._http.pacing.now(), UTC))
            proof = srp.proof(user_id, password, given["SALT"], given["SRP_B"], block, now)
        except (KeyError, TypeError, ValueError) as error:
            raise SignInError(
                f"signing in failed: Cognito's challenge is broken: {error}"
            ) from None
        return self._respond(
            challenge,
            USERNAME=user_id,
            PASSWORD_CLAIM_SECRET_BLOCK=block,
            PASSWORD_CLAIM_SIGNATURE=proof,
            TIMESTAMP=now,
        )

    def _set_password(self, challenge: _Challenge, prompts: Prompts) -> dict[str, Any]:
        missing = _listed(challenge.parameters.get("requiredAttributes"))
        if missing:
            names = ", ".join(name.removeprefix("userAttributes.") for name in missing)
            raise SignInError(
                f"the user pool first wants to know {names}: sign in once with a browser",
                code="NEW_PASSWORD_REQUIRED",
            )
        if prompts.new_password is None:
            raise SignInError(
                "the password is a temporary one: sign in once with a browser, or on a terminal, "
                "to set your own",
                code="NEW_PASSWORD_REQUIRED",
            )
        why = None
        for _ in range(_TRIES):
            try:
                return self._respond(challenge, NEW_PASSWORD=prompts.new_password(why))
            except _Refused as refused:
                if refused.code != "InvalidPasswordException":
                    raise
                why = str(refused)
        raise SignInError(f"no new password was set: {why}", code="InvalidPasswordException")

    def _give_code(self, challenge: _Challenge, prompts: Prompts) -> dict[str, Any]:
        source = _CODES[challenge.name]
        if prompts.code is None:
            raise SignInError(
                f"a code from {source} is wanted: sign in on a terminal or with a browser",
                code=challenge.name,
            )
        destination = challenge.parameters.get("CODE_DELIVERY_DESTINATION")
        where = f"{source} to {destination}" if destination else source
        for turn in range(_TRIES):
            code = prompts.code(where, turn > 0)
            try:
                return self._respond(challenge, **{f"{challenge.name}_CODE": code.strip()})
            except _Refused as refused:
                if refused.code != "CodeMismatchException":
                    raise
        raise SignInError("the code was wrong", code="CodeMismatchException")

    def _initiate(self, flow: str, parameters: dict[str, str]) -> dict[str, Any]:
        members = {"AuthFlow": flow, "ClientId": self._client_id, "AuthParameters": parameters}
        return self._call("InitiateAuth", members)

    def _respond(self, challenge: _Challenge, **responses: str) -> dict[str, Any]:
        members: dict[str, Any] = {
            "ChallengeName": challenge.name,
            "ClientId": self._client_id,
            "ChallengeResponses": {"USERNAME": challenge.username, **responses},
        }
        if challenge.session:
            members["Session"] = challenge.session
        return self._call("RespondToAuthChallenge", members)

    def _call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        status, answer = self._http.post_json(self._endpoint, members, headers)
        if status == 200:
            return answer
        code = str(answer.get("__type", "")).rpartition("#")[2] or None
        says = answer.get("message") or answer.get("Message") or f"Cognito answered {status}"
        message = " ".join(str(says).split())[:300]
        if code in _TOO_MANY:
            raise RateLimitError(f"signing in failed: {message}", status=429, code=code)
        raise _Refused(message, code=code)

    def _tokens(self, result: dict[str, Any]) -> Tokens:
        access_token, refresh_token = result.get("AccessToken"), result.get("RefreshToken")
        if not isinstance(access_token, str) or not claims(access_token):
            raise SignInError("signing in failed: Cognito's answer holds no access token")
        return Tokens.of(
            access_token,
            refresh_token=refresh_token if isinstance(refresh_token, str) else None,
            expires_in=result.get("ExpiresIn"),
            now=self._http.pacing.now(),
        )


@dataclass(frozen=True)
class _Challenge:
    name: str
    parameters: dict[str, str]
    session: str | None
    username: str

    @classmethod
    def of(cls, answer: dict[str, Any], username: str) -> _Challenge:
        parameters = answer.get("ChallengeParameters") or {}
        name = str(answer.get("ChallengeName"))
        return cls(name, parameters, answer.get("Session"), username)


def _preferred(challenge: _Challenge) -> str:
    """The second factor to use: the app before those that need a message to be sent."""
    offered = _listed(challenge.parameters.get("MFAS_CAN_CHOOSE"))
    return next((name for name in _CODES if name in offered), "SOFTWARE_TOKEN_MFA")


def _listed(text: object) -> list[str]:
    """Read a list that Cognito gives as JSON text."""
    try:
        return [str(item) for item in json.loads(str(text or "[]"))]
    except ValueError:
        return []
