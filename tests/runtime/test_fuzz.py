"""Both APIs under generated requests: no 5xx, and every answer is as documented."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given

from tests.contract_cases import CONTRACT
from tests.fake_aws.files import TOKEN, serving_files
from tests.fake_aws.ingest import API_KEY
from tests.fake_aws.ingest import serving as serving_ingest
from tests.fuzzing import bounded, call

APIS = {
    "ingest": (serving_ingest, {"x-api-key": API_KEY}),
    "files": (serving_files, {"Authorization": f"Bearer {TOKEN}"}),
}


SCHEMAS = {api: schemathesis.openapi.from_path(CONTRACT / f"openapi-{api}.yaml") for api in APIS}
OPERATIONS = [
    pytest.param(api, found.ok(), id=f"{api} {found.ok().label}")
    for api, schema in SCHEMAS.items()
    for found in schema.get_all_operations()
]


@pytest.mark.hypothesis
@pytest.mark.parametrize(("api", "operation"), OPERATIONS)
def test_no_request_breaks_it(api: str, operation: Any) -> None:
    serving, headers = APIS[api]
    with serving() as service, requests.Session() as session:

        @bounded(20)
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            call(case, service.url, headers, session)

        check()
