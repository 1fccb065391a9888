"""The deployed API under a few generated requests; `tests/runtime/test_fuzz.py` makes more."""

from __future__ import annotations

import pytest
import requests
import schemathesis

from tests import request_numbers
from tests.contract_cases import CONTRACT
from tests.fuzzing import bounded, call
from tests.integration.conftest import Api

schema = schemathesis.openapi.from_path(CONTRACT / "openapi-ingest.yaml")


@pytest.mark.filterwarnings("ignore:Skipped test cases")
@schema.parametrize()
@bounded(2)
def test_no_request_breaks_it(
    case: schemathesis.Case, acme: Api, session: requests.Session
) -> None:
    call(case, acme.url, acme.headers, session)


def test_no_number_out_of_range_is_taken(acme: Api) -> None:
    """One for each operation; `tests/runtime` tries them all."""
    for request in request_numbers.one_for_each_operation("ingest"):
        answer = acme.request(*request, {"Content-Type": "application/json"})
        assert request_numbers.is_refused(answer.status, answer.json), request
