"""The deployed API under generated requests: no 5xx, and every answer is as documented."""

from __future__ import annotations

import pytest
import requests
import schemathesis

from tests.contract_cases import CONTRACT
from tests.integration.conftest import Api
from tests.integration.fuzzing import bounded, call, taken_numbers

schema = schemathesis.openapi.from_path(CONTRACT / "openapi-ingest.yaml")


@pytest.mark.filterwarnings("ignore:Skipped test cases")
@schema.parametrize()
@bounded(25)
def test_no_request_breaks_it(
    case: schemathesis.Case, acme: Api, session: requests.Session
) -> None:
    call(case, acme, session)


def test_no_number_out_of_range_is_taken(acme: Api) -> None:
    assert taken_numbers("ingest", acme) == []
