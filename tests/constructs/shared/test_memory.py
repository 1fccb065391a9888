"""Memory sizes, which decide how much of a processor a function gets."""

from __future__ import annotations

import pytest
from aws_cdk.assertions import Template

ONE_VCPU = 1769
BACKGROUND = 512


def memory(template: Template) -> dict[str, int]:
    functions = template.find_resources("AWS::Lambda::Function").values()
    return {
        one["Properties"]["Handler"].split(".")[2]: one["Properties"]["MemorySize"]
        for one in functions
    }


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "default_ingest",
            {
                "ingest_api": ONE_VCPU,
                "key_authorizer": ONE_VCPU,
                "ingest_worker": ONE_VCPU,
                "ingest_events": BACKGROUND,
                "ingest_sweep": BACKGROUND,
            },
        ),
        (
            "verifying_files",
            {
                "files_api": ONE_VCPU,
                "files_verifier": ONE_VCPU,
                "files_events": BACKGROUND,
                "files_sweep": BACKGROUND,
            },
        ),
    ],
)
def test_functions_that_a_caller_waits_for_or_that_compute_have_one_vcpu(
    request: pytest.FixtureRequest, template: str, expected: dict[str, int]
) -> None:
    assert memory(request.getfixturevalue(template)) == expected
