"""The stack that puts the page into its bucket, in the environments that have one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stacks.settings import DEPLOYED
from tests.stacks.conftest import Synthesized
from tests.stacks.test_cross_stack_references import CHANGES, FULL

SERVICE = "web-content"
KINDS = {
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    # The only custom resource anywhere: there is no other way to put files into a bucket.
    "Custom::CDKBucketDeployment",
}


@pytest.fixture(params=DEPLOYED)
def content(request: pytest.FixtureRequest, synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(str(request.param))


def test_it_copies_files_and_does_nothing_else(content: Synthesized) -> None:
    resources = content.template(SERVICE)["Resources"].values()

    assert {resource["Type"] for resource in resources} == KINDS


def test_the_embedded_cloud_gets_its_page_otherwise(
    synthesize: Callable[..., Synthesized],
) -> None:
    assert not list(synthesize("local").folder.glob("*web-content*"))


def test_an_environment_may_do_without_the_page(synthesize: Callable[..., Synthesized]) -> None:
    without = synthesize("dev", **FULL | CHANGES["nothing that can be left out"])

    assert not list(without.folder.glob("*-web*"))
    [api] = without.resources("files", "AWS::ApiGatewayV2::Api").values()
    assert "CorsConfiguration" not in api["Properties"]
