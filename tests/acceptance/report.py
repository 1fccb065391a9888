"""`dist/acceptance.md`: each claim, what was seen, and figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.acceptance.embedded import claim_of

WORDS = {"passed": "holds", "failed": "**fails**", "error": "**error**", "skipped": "not shown"}


@dataclass
class Claim:
    """One test's outcome, by pytest's word."""

    test: str
    outcome: str
    seen: str


@dataclass
class Report:
    """The findings of a run."""

    environment: str
    region: str = ""
    claims: list[Claim] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    """Things that this run removed after earlier ones, and those that it left itself."""

    calls: set[str] = field(default_factory=set)
    """Operations of AWS that the operator's credentials were used for."""

    def note_call(self, model: Any, **_: Any) -> None:
        """Told by botocore of each request."""
        if model.auth_type != "none":
            self.calls.add(f"{model.service_model.service_id}: {model.name}")

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.markdown(datetime.now(UTC)))

    def markdown(self, now: datetime) -> str:
        count = {word: sum(one.outcome == word for one in self.claims) for word in WORDS}
        return "\n".join(
            [
                f"# Acceptance of {self.environment}",
                "",
                f"In {self.region}, ended {now:%Y-%m-%d %H:%M} UTC. {count['passed']} claims hold, "
                f"{count['failed'] + count['error']} don't, {count['skipped']} are not shown.",
                "",
                *_table("claim", "result", "seen", rows=self._rows()),
                *(["## Figures", "", *_table("what", "figure", rows=self.figures)]),
                "## Traces",
                "",
                *(f"- {trace}" for trace in self.traces or ["The run made nothing."]),
                "",
                "## Calls to AWS",
                "",
                *(f"- {call}" for call in sorted(self.calls)),
                "",
            ]
        )

    def _rows(self) -> Iterable[tuple[str, ...]]:
        for one in self.claims:
            yield claim_of(one.test.partition("::")[2]), WORDS[one.outcome], one.seen


def _table(*names: str, rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [
        " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows
    ]
    head = [" | ".join(names), " | ".join("---" for _ in names)]
    return [*(f"| {line} |" for line in [*head, *lines]), ""]
