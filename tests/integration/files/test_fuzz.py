"""The deployed API under a few generated requests; `tests/runtime/test_fuzz.py` makes more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis

from tests import request_numbers
from tests.contract_cases import CONTRACT
from tests.fuzzing import bounded, call
from tests.integration.conftest import Api

schema = schemathesis.openapi.from_path(CONTRACT / "openapi-files.yaml")


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open(ben: Api) -> Iterator[None]:
    """Abort the uploads that generated requests began: other tests have the same quota."""
    yield
    while opened := ben.get("/files/uploads?limit=100").json["items"]:
        for upload in opened:
            assert ben.request("DELETE", f"/files/uploads/{upload['upload_id']}").status == 204


@pytest.mark.filterwarnings("ignore:Skipped test cases")
@schema.parametrize()
@bounded(2)
def test_no_request_breaks_it(case: schemathesis.Case, ben: Api, session: requests.Session) -> None:
    call(case, ben.url, ben.headers, session)


def test_no_number_out_of_range_is_taken(ben: Api) -> None:
    """One for each operation; `tests/runtime` tries them all."""
    for request in request_numbers.one_for_each_operation("files"):
        answer = ben.request(*request, {"Content-Type": "application/json"})
        assert request_numbers.is_refused(answer.status, answer.json), request
