"""The deployed API under generated requests: no 5xx, and every answer is as documented."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis

from tests.contract_cases import CONTRACT
from tests.integration.conftest import Api
from tests.integration.fuzzing import bounded, call, taken_numbers

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
@bounded(20)
def test_no_request_breaks_it(case: schemathesis.Case, ben: Api, session: requests.Session) -> None:
    call(case, ben, session)


def test_no_number_out_of_range_is_taken(ben: Api) -> None:
    assert taken_numbers("files", ben) == []
