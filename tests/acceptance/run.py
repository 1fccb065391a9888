"""A run's own tenant, key and person, and their removal.

Names of all that runs make begin with `acceptance-`, so that a run also finds what an earlier one
left behind that was killed.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Key

from tests.acceptance.deployment import Deployment, until
from tests.acceptance.http import Answer, Api, Http
from tests.acceptance.sign_in import Tokens, sign_in
from wideload_cdk.keys import create_key, list_keys, revoke_key
from wideload_cdk.users import create_user, new_password

PREFIX = "acceptance-"
KILLED_AFTER = dt.timedelta(hours=6)
"""A run takes minutes: what is older than this was left behind."""
LISTS = 60
"""Seconds within which a list of Cognito's shows what has changed."""
MAIL = "example.com"
"""A domain without mailboxes, and no mail is sent: https://www.rfc-editor.org/rfc/rfc2606"""
ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
PAYLOAD_ID = re.compile(r'"payload_id": ?"([0-9A-HJKMNP-TV-Z]{26})"')


@dataclass(frozen=True)
class Person:
    """A person in the user pool."""

    email: str
    subject: str
    """By which their files are kept."""
    created_at: str


class Run:
    """One run against a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.name = PREFIX + secrets.token_hex(5)
        self.began = time.time()
        self.http = Http()
        self.seconds: dict[str, list[float]] = {}
        """Seconds that the answers of each route took."""
        self._payload_ids: set[str] = set()
        self._passwords: dict[str, str] = {}

    @property
    def tenant(self) -> str:
        return self.name

    @property
    def other_tenant(self) -> str:
        return f"{self.name}-other"

    # Tenants

    @property
    def keys_table(self) -> Any:
        return self._table("ingest", "KeysTableName")

    def new_key(self, tenant: str | None = None) -> str:
        """A new API key, of the run's tenant unless another is named."""
        return create_key(self.keys_table, tenant or self.tenant, label=self.name).api_key

    def revoke(self, api_key: str) -> None:
        revoke_key(self.keys_table, api_key.split("_")[1])

    def ingest(self, api_key: str | None = None) -> Api:
        """The ingest API, with a key or without."""
        outputs = self.deployment.outputs["ingest"]
        headers = {outputs["ApiKeyHeader"]: api_key} if api_key else {}
        return Api(self.http, outputs["ApiUrl"], headers, self._note)

    # People

    def new_person(self, label: str = "") -> str:
        """A new user's address; they have a password and have never signed in."""
        email = f"{self.name}{label}@{MAIL}"
        cognito, pool = self.deployment.client("cognito-idp"), self._pool
        create_user(cognito, pool, email, invite=False)
        self._passwords[email] = new_password()
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=email, Password=self._passwords[email], Permanent=True
        )
        return email

    def sign_in(self, email: str) -> Tokens:
        outputs = self.deployment.outputs["files"]
        cognito = self.deployment.client("cognito-idp")
        return sign_in(cognito, self._pool, outputs["ClientId"], email, self._passwords[email])

    def files(self, access_token: str | None = None) -> Api:
        """The files API, with an access token or without."""
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        return Api(self.http, self.deployment.outputs["files"]["ApiUrl"], headers, self._note)

    # The end

    def clear(self) -> None:
        """Take away all that this run made."""
        self._clear(lambda name, _created_at: name.startswith(self.name))

    def clear_killed(self) -> list[str]:
        """Take away what runs left behind that were killed; their names."""
        border = dt.datetime.now(dt.UTC) - KILLED_AFTER

        def killed(name: str, created_at: str) -> bool:
            return name.startswith(PREFIX) and dt.datetime.fromisoformat(created_at) < border

        return self._clear(killed)

    def leftovers(self) -> list[str]:
        """Traces of this run that are left when lists no longer show deleted things."""
        until(lambda: not self._left(), seconds=LISTS, pause=5)
        return self._left()

    def _left(self) -> list[str]:
        found = [f"the person {one.email}" for one in self._people() if self.name in one.email]
        found += [f"the stack {name}" for name, _ in self._stacks() if self.name in name]
        if self.deployment.has("ingest"):
            bucket = self.deployment.outputs["ingest"]["BucketName"]
            for tenant in (self.tenant, self.other_tenant):
                found += [f"a key of {tenant}" for _ in self._keys(tenant)]
                prefixes = f"transit/{tenant}/", f"archive/{tenant}/"
                found += [f"the object {key}" for key in self._keys_of_objects(bucket, *prefixes)]
        return found

    def _clear(self, ours: Callable[[str, str], bool]) -> list[str]:
        keys = list_keys(self.keys_table) if self.deployment.has("ingest") else []
        tenants = {key.tenant for key in keys if ours(key.tenant, key.created_at)}
        people = [one for one in self._people() if ours(one.email, one.created_at)]
        stacks = [name for name, created_at in self._stacks() if ours(name, created_at)]
        # One that fails, as where the API is broken, doesn't keep the others from being cleared.
        with ExitStack() as steps:
            for tenant in tenants:
                steps.callback(self._clear_tenant, tenant)
            for person in people:
                steps.callback(self._clear_person, person)
            for stack in stacks:
                steps.callback(self._delete_stack, stack)
        return [*sorted(tenants), *(person.email for person in people), *stacks]

    def _clear_tenant(self, tenant: str) -> None:
        """Payloads first, keys last: by them the next run finds a tenant that is half cleared."""
        api = self.ingest(self.new_key(tenant))
        bucket = self.deployment.outputs["ingest"]["BucketName"]
        prefixes = f"transit/{tenant}/", f"archive/{tenant}/"
        # The list shows finished ones alone, and not at once.
        ids = set(self._payload_ids) if tenant == self.tenant else set()
        ids |= {item["payload_id"] for item in api.pages("/call-logs")}
        for key in self._keys_of_objects(bucket, *prefixes):
            ids.add(key.rpartition("/")[2].removesuffix(".json.gz"))

        def gone(payload_id: str) -> bool:
            # 409: it is being processed.
            return api.request("DELETE", f"/call-logs/{payload_id}").status in (204, 404)

        for payload_id in sorted(ids):
            assert until(lambda one=payload_id: gone(one), seconds=120), payload_id
        self._empty(bucket, *prefixes)
        payloads = self._table("ingest", "PayloadsTableName")
        payloads.delete_item(Key={"payload_id": f"workers#{tenant}"})
        for key_id in self._keys(tenant):
            self.keys_table.delete_item(Key={"key_id": key_id})

    def _clear_person(self, person: Person) -> None:
        """Their files first, they themselves last."""
        table = self._table("files", "TableName")
        items = table.query(
            KeyConditionExpression=Key("owner").eq(person.subject), ConsistentRead=True
        )["Items"]
        folders = {item["key"].rpartition("/")[0] + "/" for item in items if "key" in item}
        self._empty(self.deployment.outputs["files"]["BucketName"], *folders)
        for item in items:
            table.delete_item(Key={"owner": item["owner"], "item": item["item"]})
        self.deployment.client("cognito-idp").admin_delete_user(
            UserPoolId=self._pool, Username=person.email
        )

    def _delete_stack(self, name: str) -> None:
        formation = self.deployment.client("cloudformation")
        formation.delete_stack(StackName=name)
        formation.get_waiter("stack_delete_complete").wait(StackName=name)

    def _stacks(self) -> list[tuple[str, str]]:
        """Names of the stacks that runs made, and when."""
        pages = self.deployment.client("cloudformation").get_paginator("describe_stacks")
        return [
            (stack["StackName"], stack["CreationTime"].isoformat())
            for page in pages.paginate()
            for stack in page["Stacks"]
            if stack["StackName"].startswith(PREFIX) and stack["StackStatus"] != "DELETE_COMPLETE"
        ]

    def _empty(self, bucket: str, *prefixes: str) -> None:
        s3 = self.deployment.client("s3")
        for prefix in prefixes:
            uploads = s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Prefix=prefix
            )
            for one in [one for page in uploads for one in page.get("Uploads", [])]:
                s3.abort_multipart_upload(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])
        for key in self._keys_of_objects(bucket, *prefixes):
            s3.delete_object(Bucket=bucket, Key=key)

    def _keys_of_objects(self, bucket: str, *prefixes: str) -> list[str]:
        pages = self.deployment.client("s3").get_paginator("list_objects_v2")
        return [
            one["Key"]
            for prefix in prefixes
            for page in pages.paginate(Bucket=bucket, Prefix=prefix)
            for one in page.get("Contents", [])
        ]

    def _keys(self, tenant: str) -> list[str]:
        return [key.key_id for key in list_keys(self.keys_table, tenant)]

    def _people(self) -> list[Person]:
        """Those that runs made; a pool may have many others."""
        if not self._pool:
            return []
        pages = (
            self.deployment.client("cognito-idp")
            .get_paginator("list_users")
            .paginate(UserPoolId=self._pool, Filter=f'email ^= "{PREFIX}"')
        )
        return [
            Person(values["email"], values["sub"], user["UserCreateDate"].isoformat())
            for page in pages
            for user in page["Users"]
            for values in [{one["Name"]: one["Value"] for one in user["Attributes"]}]
        ]

    @property
    def _pool(self) -> str:
        return self.deployment.outputs.get("files", {}).get("UserPoolId", "")

    def _table(self, service: str, output: str) -> Any:
        return self.deployment.table(self.deployment.outputs[service][output])

    def _note(self, method: str, path: str, answer: Answer) -> None:
        route = f"{method} {ULID.sub('{id}', path.partition('?')[0])}"
        self.seconds.setdefault(route, []).append(answer.seconds)
        self._payload_ids.update(PAYLOAD_ID.findall(answer.body[:2_000].decode(errors="replace")))
