"""People who are disabled, and URLs of files that are taken back, stop working."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api, Refusals
from tests.integration.files.conftest import act, create, store
from tests.integration.test_revocation import nothing_allowed
from wideload_cdk.users import create_user, disable_user


def test_a_disabled_person_gets_no_new_token(cloud: Cloud, outputs: Outputs, nobody: Api) -> None:
    cognito, files = cloud.client("cognito-idp"), outputs["files"]
    address = f"{secrets.token_hex(4)}@example.com"
    password = "Aa1!" + secrets.token_urlsafe(24)
    create_user(cognito, files["user_pool_id"], address, invite=False)
    cognito.admin_set_user_password(
        UserPoolId=files["user_pool_id"], Username=address, Password=password, Permanent=True
    )
    by_password = {"USERNAME": address, "PASSWORD": password}
    client = {"ClientId": files["client_id"]}
    tokens = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH", AuthParameters=by_password, **client
    )["AuthenticationResult"]

    disable_user(cognito, files["user_pool_id"], address)

    with pytest.raises(ClientError, match="NotAuthorizedException"):
        cognito.initiate_auth(AuthFlow="USER_PASSWORD_AUTH", AuthParameters=by_password, **client)
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        cognito.get_tokens_from_refresh_token(RefreshToken=tokens["RefreshToken"], **client)
    # API Gateway looks at the token's own times alone.
    bearer = {"Authorization": f"Bearer {tokens['AccessToken']}"}
    assert nobody.request("GET", "/files", headers=bearer).status == 200


def test_urls_die_with_what_their_role_may_do(
    ann: Api, cloud: Cloud, functions: dict[str, str], refusals: Refusals
) -> None:
    sent, stored = secrets.token_bytes(500), secrets.token_bytes(500)
    upload = create(ann, sent)["action"]
    download = ann.get(f"/files/{store(ann, stored)['file_id']}/download").json["action"]
    for action in (upload, download):
        refusals.keys.add(urlsplit(action["href"]).path.partition("/files/")[2])

    with nothing_allowed(cloud, functions["files_api"]):
        refused = act(ann, upload, sent).status, act(ann, download).status

    assert refused == (403, 403)
    assert act(ann, upload, sent).status == 200
    assert act(ann, download).body == stored
