"""The deployed API under generated requests: no 5xx, and every answer is as documented."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.cloud import Cloud
from tests.contract_cases import CONTRACT
from tests.integration.conftest import Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
schema = schemathesis.openapi.from_path(CONTRACT / "openapi-files.yaml")


@pytest.mark.filterwarnings("ignore:Skipped test cases")
@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_it(case: schemathesis.Case, ben: Api, cloud: Cloud) -> None:
    case.call_and_validate(
        base_url=ben.url, headers=ben.headers, verify=str(cloud.ca_bundle), checks=CHECKS
    )
