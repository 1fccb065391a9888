"""`docs/compliance.md` lists the findings of the rule packs in prod, and why each is accepted."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.stacks.conftest import REPOSITORY, Synthesized

PAGE = REPOSITORY / "docs" / "compliance.md"
OPTIONS = ("kms=true", "private_network=true", "canary_minutes=15")

STANDARDS = {
    "NIST.800.53.R5": "NIST 800-53 r5",
    "HIPAA.Security": "HIPAA Security",
    "PCI.DSS.321": "PCI DSS 3.2.1",
}
PACKS = {"AwsSolutions": "AWS Solutions", "Serverless": "Serverless", **STANDARDS}

HEAD = """\
# Rule packs

Synthesis of `prod` checks five rule packs of [cdk-nag](https://github.com/cdklabs/cdk-nag); other
environments check AWS Solutions and Serverless (`-c compliance_packs=true` adds the others). An
unexplained finding fails the synthesis. Each finding below is acknowledged only for its resource,
where the resource is defined, so the reasons also apply in other apps that use the constructs;
`validation-report.json` beside the templates has them too. `pytest tests/stacks --update-snapshots`
writes this page, and the tests compare it with the templates.

A pack without findings is no certificate. A pack only reads templates: it can't check the stored
data, the review of logs, or the rest of the account. PCI DSS 3.2.1 was retired in March 2024, and
cdk-nag has no newer pack. No pack checks the retention of the access logs of buckets and page,
which are deleted after 90 days; PCI DSS requires a year.

"""


def render(prod: Synthesized, options: Mapping[str, Synthesized]) -> str:
    """The page. `options` are settings, as they are given to `-c`, and prod with them."""
    findings = [
        (pack["pluginName"], suppressed)
        for pack in prod.report["pluginReports"]
        for suppressed in pack["suppressedViolations"]
    ]
    return "\n".join(
        [
            HEAD + "## Acknowledged findings\n",
            *_table(
                ["pack", "`prod`", *(f"with `-c {option}`" for option in options)],
                (
                    [title, *(str(_count(each, pack)) for each in (prod, *options.values()))]
                    for pack, title in PACKS.items()
                ),
            ),
            "\n## The standards\n",
            *_reasons(STANDARDS, findings),
            "\n## AWS Solutions\n",
            *_reasons({"AwsSolutions": "findings"}, findings),
            "\n## Serverless\n",
            *_reasons({"Serverless": "findings"}, findings),
            "",
        ]
    )


def _count(synthesized: Synthesized, pack: str) -> int:
    [report] = [each for each in synthesized.report["pluginReports"] if each["pluginName"] == pack]
    return len(report["suppressedViolations"])


def _reasons(packs: Mapping[str, str], findings: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """A row for each rule and reason: how often in each of `packs`, and at which resources."""
    counts: dict[tuple[str, str, str], collections.Counter[str]] = {}
    places: dict[tuple[str, str, str], list[str]] = {}
    for pack, finding in findings:
        if pack not in packs:
            continue
        # The id, its pack in front and what is found in brackets, and the standard's own clauses.
        rule = finding["ruleName"].removeprefix(f"{pack}-").partition("[")[0]
        description = finding["description"].partition(" - (")[0].rstrip(".")
        row = (rule, description, finding["reason"])
        counts.setdefault(row, collections.Counter())[pack] += 1
        place = _short(finding["acknowledgedAt"])
        if place not in places.setdefault(row, []):
            places[row].append(place)
    return _table(
        ["rule", *packs.values(), "at", "why it is accepted"],
        (
            [
                f"`{rule}`: {description}",
                *(str(counts[row][pack]) for pack in packs),
                ", ".join(f"`{place}`" for place in places[row]),
                reason,
            ]
            for row in sorted(counts)
            for rule, description, reason in [row]
        ),
    )


def _short(path: str) -> str:
    """A construct's path without what each has: environment, and the resource at its end."""
    return path.removeprefix("wideload-prod-").removesuffix("/Resource").removesuffix("/Default")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def test_page_is_what_the_packs_find(
    synthesize: Callable[..., Synthesized], request: pytest.FixtureRequest
) -> None:
    page = render(
        synthesize("prod"),
        {option: synthesize("prod", **dict([option.split("=")])) for option in OPTIONS},
    )

    if request.config.getoption("--update-snapshots", default=False):
        PAGE.write_text(page)

    assert PAGE.read_text() == page, "write it anew: pytest tests/stacks --update-snapshots"
