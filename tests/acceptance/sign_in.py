"""Sign in at the deployment's user pool by SRP, the only way that its client allows a program."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from wideload._signin.srp import Srp, timestamp


@dataclass(frozen=True)
class Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


def sign_in(cognito: Any, pool: str, client_id: str, email: str, password: str) -> Tokens:
    """Tokens of a person. Skips the test if the pool demands a second factor."""
    srp = Srp(pool.partition("_")[2])
    answer = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": email, "SRP_A": srp.public},
    )
    given = answer["ChallengeParameters"]
    user_id, block, now = given["USER_ID_FOR_SRP"], given["SECRET_BLOCK"], datetime.now(UTC)
    answer = cognito.respond_to_auth_challenge(
        ClientId=client_id,
        ChallengeName="PASSWORD_VERIFIER",
        **({"Session": answer["Session"]} if "Session" in answer else {}),
        ChallengeResponses={
            "USERNAME": user_id,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": srp.proof(
                user_id, password, given["SALT"], given["SRP_B"], block, timestamp(now)
            ),
            "TIMESTAMP": timestamp(now),
        },
    )
    if answer.get("ChallengeName") == "MFA_SETUP":
        pytest.skip("The deployment asks everybody for a code of an authenticator app (mfa).")
    result = answer["AuthenticationResult"]
    return Tokens(result["AccessToken"], result["RefreshToken"])
