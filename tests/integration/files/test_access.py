"""Every route with every kind of token: a person's token reaches that person's files alone."""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from tests import contract_cases
from tests.integration.conftest import Answer, Api
from tests.integration.files.conftest import (
    ONE_PUT,
    act,
    announced,
    create,
    store,
    token_of,
)

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@dataclass(frozen=True)
class Route:
    """A route, what it needs beforehand, and what its owner is answered."""

    method: str
    path: str
    needs: str
    """`file`, `folder`, `upload` (open, one PUT that is done), `multipart` (open), or nothing."""
    own: int
    body: dict[str, Any] | None = None
    """`{id}` in its JSON stands for the id, or the folder, of what it needs."""
    other: int = 404
    """Status for another person; 200 if each file is refused in the answer."""


SHA = "0" * 64
ROUTES = [
    Route("POST", "/files/check", "", 200, body={"files": [{"sha256": SHA, "size": 1}]}),
    Route("POST", "/files", "", 200, body={"files": [{"name": "n", "sha256": SHA, "size": 1}]}),
    Route("GET", "/files", "", 200),
    Route("POST", "/files/move", "file", 200, {"file_ids": ["{id}"], "folder": "moved"}, 200),
    Route("POST", "/files/delete", "file", 200, {"file_ids": ["{id}"]}, 200),
    Route("GET", "/files/folders", "", 200),
    Route("POST", "/files/folders", "", 200, {"folder": "made"}),
    Route("PATCH", "/files/folders", "folder", 200, {"folder": "{id}", "to": "{id}, renamed"}),
    Route("DELETE", "/files/folders?folder={id}", "folder", 204),
    Route("GET", "/files/uploads", "", 200),
    Route("GET", "/files/uploads/{id}", "upload", 200),
    Route("DELETE", "/files/uploads/{id}", "upload", 204),
    Route(
        "POST",
        "/files/uploads/{id}/parts",
        "multipart",
        200,
        body={"parts": [{"number": 1, "sha256": SHA}]},
    ),
    Route("POST", "/files/uploads/{id}/complete", "upload", 200),
    Route("GET", "/files/{id}", "file", 200),
    Route("PATCH", "/files/{id}", "file", 200, body={"name": "renamed.bin"}),
    Route("DELETE", "/files/{id}", "file", 204),
    Route("GET", "/files/{id}/download", "file", 200),
]
WHO = ("no token", "an expired token", "another application's token", "a damaged token")
IDS = [f"{route.method} {route.path.partition('?')[0]}" for route in ROUTES]


@pytest.fixture(scope="module")
def expired(cloud: Cloud, outputs: Outputs, nobody: Api) -> Api:
    """Ann with a token that was good until a moment ago."""
    files = outputs["files"]
    cognito = cloud.client("cognito-idp")
    where = {"UserPoolId": files["user_pool_id"], "ClientId": files["client_id"]}
    deployed = cognito.describe_user_pool_client(**where)["UserPoolClient"]
    # What an update doesn't say goes back to its default.
    told = {
        k: v for k, v in deployed.items() if v and k not in ("CreationDate", "LastModifiedDate")
    }
    units = deployed["TokenValidityUnits"]
    brief = {"AccessTokenValidity": 1, "TokenValidityUnits": units | {"AccessToken": "seconds"}}
    cognito.update_user_pool_client(**told | brief)
    try:
        token = token_of(cloud, outputs, 0)
    finally:
        cognito.update_user_pool_client(**told)
    time.sleep(2)
    return _bearer(nobody, token)


@pytest.fixture(scope="module")
def of_another_audience(cloud: Cloud, outputs: Outputs, nobody: Api) -> Api:
    """Ann with a good token that was given to another application."""
    other = cloud.client("cognito-idp").create_user_pool_client(
        UserPoolId=outputs["files"]["user_pool_id"],
        ClientName="another application",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]
    return _bearer(nobody, token_of(cloud, outputs, 0, other["ClientId"]))


@pytest.fixture(scope="module")
def strangers(nobody: Api, expired: Api, of_another_audience: Api) -> dict[str, Api]:
    return {
        "no token": nobody,
        "an expired token": expired,
        "another application's token": of_another_audience,
        "a damaged token": _bearer(nobody, expired.headers["Authorization"][7:-4] + "AAAA"),
    }


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_without_a_good_token_nothing_is_answered(
    ann: Api, strangers: dict[str, Api], route: Route, who: str
) -> None:
    answer = ask(strangers[who], route, prepare(ann, route))

    assert answer.status == 401
    assert answer.json == {"message": "Unauthorized"}


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_ones_own_token(ann: Api, route: Route) -> None:
    answer = ask(ann, route, prepare(ann, route))

    assert answer.status == route.own, answer.body


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.needs],
    ids=[name for name, route in zip(IDS, ROUTES, strict=True) if route.needs],
)
def test_somebody_elses_token_sees_nothing(ann: Api, ben: Api, route: Route) -> None:
    subject = prepare(ann, route)

    answer = ask(ben, route, subject)
    never = ask(ben, route, UNKNOWN)

    assert answer.status == route.other, answer.body
    # Not a word differs from what never existed.
    assert told(answer, subject) == told(never, UNKNOWN)
    # And it is as it was.
    assert ask(ann, route, subject).status == route.own


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.needs], ids=lambda r: r.path)
def test_somebody_else_has_another_list(ann: Api, ben: Api, route: Route) -> None:
    content = secrets.token_bytes(100)
    stored = store(ann, content)
    pending = create(ann, secrets.token_bytes(100))
    announcing = {"files": [announced(content) | {"size": 100}]}
    body = announcing if "files" in (route.body or {}) else route.body

    answer = ben.request(route.method, route.path, body)

    assert answer.status == 200, answer.body
    assert stored["file_id"] not in answer.body.decode()
    assert pending["upload_id"] not in answer.body.decode()
    assert '"duplicate":true' not in answer.body.decode()


def test_an_id_token_is_refused(cloud: Cloud, outputs: Outputs, nobody: Api) -> None:
    user = outputs["files"]["users"][0]
    tokens = cloud.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=outputs["files"]["client_id"],
        AuthParameters={"USERNAME": user["username"], "PASSWORD": user["password"]},
    )["AuthenticationResult"]

    answer = _bearer(nobody, tokens["IdToken"]).get("/files")

    assert (answer.status, answer.json["code"]) == (401, "not_an_access_token")


def test_the_matrix_is_whole(outputs: Outputs) -> None:
    document = contract_cases.openapi("files")
    documented = {
        f"{method.upper()} {re.sub('{[a-z_]+}', '{id}', path)}"
        for path, methods in document["paths"].items()
        for method in methods
        if method in ("get", "post", "patch", "delete")
    }

    assert set(IDS) == documented - {"GET /sign-in"}
    size = len(ROUTES) * (len(WHO) + 2)
    sys.stdout.write(f"access matrix: {len(ROUTES)} routes x {len(WHO) + 2} tokens = {size}\n")


def test_how_to_sign_in_is_told_to_anyone(outputs: Outputs, nobody: Api) -> None:
    answer = nobody.get("/sign-in")

    assert answer.status == 200
    assert answer.json["client_id"] == outputs["files"]["client_id"]


def prepare(owner: Api, route: Route) -> str:
    """Make what the route needs; its id."""
    content = secrets.token_bytes(200)
    match route.needs:
        case "folder":
            folder = secrets.token_hex(8)
            assert owner.post("/files/folders", {"folder": folder}).status == 200
            return folder
        case "file":
            file_id: str = store(owner, content)["file_id"]
            return file_id
        case "upload":
            created = create(owner, content)
            assert act(owner, created["action"], content).status == 200
            return str(created["upload_id"])
        case "multipart":
            announcing = announced(content) | {"size": ONE_PUT + 1}
            [created] = owner.post("/files", {"files": [announcing]}).json["files"]
            return str(created["upload_id"])
    return ""


def ask(api: Api, route: Route, subject: str) -> Answer:
    body = json.loads(json.dumps(route.body).replace("{id}", subject))
    return api.request(route.method, route.path.format(id=subject), body)


def told(answer: Answer, subject: str) -> dict[str, Any]:
    """The answer but for what tells requests apart."""
    body = answer.body.decode().replace(subject, "ID")
    return {k: v for k, v in json.loads(body).items() if k != "request_id"}


def _bearer(api: Api, token: str) -> Api:
    return replace(api, headers={"Authorization": f"Bearer {token}"})
