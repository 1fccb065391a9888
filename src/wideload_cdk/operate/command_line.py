"""Output, options, confirmation and errors of the operators' programs.

Results go to stdout, explanations to stderr. Exit status 1 is an error, 2 a wrong call.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from wideload_cdk.operate.backups import Backups
from wideload_cdk.operate.restore import RestoreReport

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per result."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
yes_option = click.option("--yes", is_flag=True, help="Delete without asking for the name first.")


def explain(sentence: str) -> None:
    """Print a sentence for people on stderr."""
    click.echo(sentence, err=True)


def confirm(name: str, *, yes: bool) -> None:
    """Ask for the name of the person or tenant to be deleted; fail if another name is typed."""
    if not yes and click.prompt("Type the name to delete it", err=True) != name:
        raise click.ClickException("That is another name; nothing was changed.")


def echo_json(result: Any) -> None:
    """Print a value, with dataclasses in it as objects, as JSON on one line."""
    click.echo(json.dumps(result, default=dataclasses.asdict))


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as their longest cell."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def echo_deletion(
    report: Mapping[str, Any],
    sentences: Sequence[str],
    backups: Sequence[Backups],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Print what was deleted, as `report` or in `sentences`, and which backups still hold it."""
    if as_json:
        echo_json({**report, "deleted": not dry_run, "backups": backups})
        return
    for sentence in (*sentences, *(line for backup in backups for line in backup.sentences())):
        click.echo(sentence)


def echo_restored(report: RestoreReport, kind: str, *, dry_run: bool, as_json: bool) -> None:
    """Print how many records of a `kind` were put back; exit with 1 if some were left out."""
    if as_json:
        echo_json(report)
    else:
        click.echo(
            f"{'Would put' if dry_run else 'Put'} {report.put_back:,} {kind} back; "
            f"{report.there:,} are there already."
        )
        for record_id in report.without_object:
            click.echo(f"Without its object: {record_id}")
        for record_id in report.waiting:
            click.echo(f"Being uploaded again, so restore it later: {record_id}")
    if report.without_object or report.waiting:
        raise click.exceptions.Exit(1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Report errors in one line, with exit status 1."""
    try:
        yield
    except (ValueError, LookupError, PermissionError) as error:
        raise click.ClickException(str(error)) from None
    except NoRegionError:
        raise click.ClickException("No region: give --region or set AWS_REGION.") from None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
