"""The program `wideload-users`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from wideload_cdk import users
from wideload_cdk.files.user_pool import INVITATION_DAYS
from wideload_cdk.operate.backups import backups_of, sentences
from wideload_cdk.operate.command_line import (
    Aws,
    Part,
    confirm,
    deployment_command,
    echo_json,
    echo_restored,
    echo_table,
)
from wideload_cdk.operate.owned_files import OwnedFiles
from wideload_cdk.operate.restored_files import put_files_back

USER_POOL = Part(
    name="pool_id",
    option="--user-pool",
    metavar="ID",
    output="UserPoolId",
    what="The user pool itself.",
    instead="people of another issuer are made there; or give the user pool's id by --user-pool",
)
FILES_TABLE = Part(
    name="files_table",
    option="--table",
    metavar="NAME",
    output="TableName",
    what="The files table itself.",
    instead="give the names of its table and bucket",
)
BUCKET = Part(
    name="bucket",
    option="--bucket",
    metavar="NAME",
    output="BucketName",
    what="The bucket of files itself.",
    instead="give the names of its table and bucket",
)

_OPTIONAL_POOL = dataclasses.replace(USER_POOL, optional=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Make, invite, list, disable and delete the people of a Wideload file transfer deployment.

    The deployment is named by --stack or --user-pool. Credentials and profile come from where
    the AWS CLI takes them, such as AWS_PROFILE.
    """


def _deployment(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all commands share, and pass Cognito and the user pool's id first."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object per person.")
    @deployment_command("Stack that made the user pool.", USER_POOL)
    @functools.wraps(command)
    def wrapper(aws: Aws, *, pool_id: str, **arguments: Any) -> None:
        command(aws.client("cognito-idp"), pool_id, **arguments)

    return wrapper


@cli.command()
@click.argument("email")
@click.option(
    "--print-password",
    is_flag=True,
    help="Send no e-mail; print the temporary password instead.",
)
@_deployment
def create(
    cognito: users.Cognito, pool_id: str, *, email: str, print_password: bool, as_json: bool
) -> None:
    """Let the person with this e-mail address sign in.

    They get an e-mail with a temporary password, good for 7 days.
    """
    new = users.create_user(cognito, pool_id, email, invite=not print_password)
    if as_json:
        echo_json(new)
    elif new.password is not None:
        click.echo(new.password)
    if new.password is None:
        _tell_invited(new)
    else:
        click.echo(
            f"Made {new.email}. The temporary password is shown this once; they sign in with it "
            f"and their e-mail address within {INVITATION_DAYS} days.",
            err=True,
        )


@cli.command()
@click.argument("email")
@click.option("--again", is_flag=True, help="Mail a new password to somebody who was invited.")
@_deployment
def invite(cognito: users.Cognito, pool_id: str, *, email: str, again: bool, as_json: bool) -> None:
    """Mail somebody a temporary password, good for 7 days.

    With --again they are invited already, but the mail was lost or the password is over.
    """
    invited = (users.invite_again if again else users.create_user)(cognito, pool_id, email)
    if as_json:
        echo_json(invited)
    _tell_invited(invited)


def _tell_invited(user: users.User) -> None:
    click.echo(
        f"Cognito has sent {user.email} a temporary password. They sign in with it and their "
        f"e-mail address within {INVITATION_DAYS} days.",
        err=True,
    )


@cli.command("list")
@_deployment
def list_(cognito: users.Cognito, pool_id: str, *, as_json: bool) -> None:
    """List everybody, by e-mail address."""
    found = sorted(users.list_users(cognito, pool_id), key=lambda user: user.email)
    if as_json:
        for user in found:
            echo_json(user)
    elif found:
        echo_table(
            ("E-MAIL", "STATUS", "CREATED", "ENABLED", "USER ID"),
            [
                (
                    user.email,
                    user.status,
                    user.created_at,
                    "yes" if user.enabled else "no",
                    user.user_id,
                )
                for user in found
            ],
        )
    else:
        click.echo("There is nobody.", err=True)


@cli.command()
@click.argument("email")
@_deployment
def disable(cognito: users.Cognito, pool_id: str, *, email: str, as_json: bool) -> None:
    """Let this person sign in no more. Their files stay."""
    user = users.disable_user(cognito, pool_id, email)
    if as_json:
        echo_json(user)
    click.echo(
        f"Disabled {user.email}. Access tokens that they have may work for up to an hour more.",
        err=True,
    )


@cli.command()
@click.argument("email")
@_deployment
def enable(cognito: users.Cognito, pool_id: str, *, email: str, as_json: bool) -> None:
    """Let this person sign in again."""
    user = users.enable_user(cognito, pool_id, email)
    if as_json:
        echo_json(user)
    click.echo(f"Enabled {user.email}.", err=True)


@cli.command()
@click.argument("person")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@deployment_command("Stack of file transfer.", _OPTIONAL_POOL, FILES_TABLE, BUCKET)
def usage(
    aws: Aws, *, person: str, pool_id: str | None, files_table: str, bucket: str, as_json: bool
) -> None:
    """Show what a person has stored, as their quotas count it.

    PERSON is an e-mail address or a user id; people of another issuer are known by the latter.
    """
    owned = _owned_files(aws, files_table, bucket, _user_id(aws, pool_id, person))
    _refuse_addresses(owned, pool_id)
    found = owned.usage()
    if as_json:
        click.echo(json.dumps({"user_id": owned.owner, **dataclasses.asdict(found)}))
        return
    click.echo(
        f"{person}: {found.files:,} files, {found.bytes:,} bytes, "
        f"{found.open_uploads:,} open uploads"
    )


@cli.command()
@click.argument("person")
@click.option("--with-files", is_flag=True, help="Delete all that they have stored, too.")
@click.option("--dry-run", is_flag=True, help="Count what there is, and delete nothing.")
@click.option("--yes", is_flag=True, help="Don't ask for the person first.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@deployment_command("Stack of file transfer.", _OPTIONAL_POOL, FILES_TABLE, BUCKET)
def delete(
    aws: Aws,
    *,
    person: str,
    with_files: bool,
    dry_run: bool,
    yes: bool,
    pool_id: str | None,
    files_table: str,
    bucket: str,
    as_json: bool,
) -> None:
    """Delete a person, for good, and with --with-files all that they have stored.

    PERSON is an e-mail address or a user id; people of another issuer are known by the latter, and
    deleted there. They are disabled first and taken out of the user pool last, so that a run that
    was interrupted can be made again. What backups still hold is told in the end.
    """
    owner = _user_id(aws, pool_id, person)
    owned = _owned_files(aws, files_table, bucket, owner)
    _refuse_addresses(owned, pool_id)
    if not with_files and not dry_run:
        _refuse_what_is_stored(owned, person)
    cognito = aws.client("cognito-idp")
    # Before anything is deleted: who may not list backups would delete all and see no report.
    backups = backups_of(aws.client("dynamodb"), files_table, dt.datetime.now(dt.UTC))
    if not dry_run:
        confirm(person, yes=yes)
        if pool_id is not None:
            # Who isn't in the pool any more is deleted for the second time; who is disabled already
            # was left by a run that was cut off.
            with suppress(users.UserNotFoundError):
                if users.find_user(cognito, pool_id, owner).enabled:
                    users.disable_user(cognito, pool_id, owner)
    report = owned.delete(dry_run=dry_run)
    if pool_id is not None and not dry_run:
        with suppress(users.UserNotFoundError):
            users.delete_user(cognito, pool_id, owner)
    if as_json:
        told = {"user_id": owner, **dataclasses.asdict(report), "deleted": not dry_run}
        click.echo(json.dumps(told | {"backups": [dataclasses.asdict(backups)]}))
        return
    click.echo(
        f"{'There are' if dry_run else 'Deleted'} of {person}: {report.files:,} files, "
        f"{report.uploads:,} uploads, {report.objects:,} objects with {report.bytes:,} bytes."
    )
    if report.swept_until and not dry_run:
        click.echo(
            "URLs that were given out could store some of it again; the sweep removes that until "
            f"{report.swept_until}."
        )
    for sentence in sentences(backups):
        click.echo(sentence)


@cli.command()
@click.option("--from", "restored", required=True, metavar="NAME", help="The restored table.")
@click.option("--person", metavar="P", help="Only this person's files: an address or a user id.")
@click.option("--dry-run", is_flag=True, help="Count, and put nothing back.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@deployment_command("Stack of file transfer.", _OPTIONAL_POOL, FILES_TABLE, BUCKET)
def restore(
    aws: Aws,
    *,
    restored: str,
    person: str | None,
    dry_run: bool,
    pool_id: str | None,
    files_table: str,
    bucket: str,
    as_json: bool,
) -> None:
    """Put files back that are in a restored table and not in the live one.

    Those whose object is gone are left out, and named. Exit status 1 if there are any.
    """
    dynamodb = aws.resource("dynamodb")
    report = put_files_back(
        aws.client("s3"),
        restored=dynamodb.Table(restored),
        table=dynamodb.Table(files_table),
        bucket=bucket,
        owner=None if person is None else _user_id(aws, pool_id, person),
        dry_run=dry_run,
    )
    echo_restored(report, "files", dry_run=dry_run, as_json=as_json)


def _refuse_what_is_stored(owned: OwnedFiles, person: str) -> None:
    """Raise if a person has files or uploads, also where their usage was reset by a deletion that
    was cut off."""
    stored = owned.usage()
    found = dataclasses.replace(owned, tell=lambda _: None).delete(dry_run=True)
    if stored.files or stored.open_uploads or found.files or found.objects:
        raise click.ClickException(
            f"{person} has {found.files:,} files, {stored.open_uploads:,} open uploads and "
            f"{found.objects:,} objects; give --with-files to delete them, too, or disable the "
            "person alone."
        )


def _user_id(aws: Aws, pool_id: str | None, person: str) -> str:
    """The user id of somebody given by that, or by an address if a pool has those."""
    if pool_id is None or "@" not in person:
        return person
    return users.find_user(aws.client("cognito-idp"), pool_id, person).user_id


def _refuse_addresses(owned: OwnedFiles, pool_id: str | None) -> None:
    """Raise if a person of another issuer seems to be given by their address."""
    if pool_id is None and "@" in owned.owner and not owned.is_known():
        raise click.UsageError(
            f"Nothing is known of a user id {owned.owner}, and no user pool is known that has "
            "addresses: give the person's user id, the claim `sub` of their tokens."
        )


def _owned_files(aws: Aws, table: str, bucket: str, owner: str) -> OwnedFiles:
    return OwnedFiles(
        table=aws.resource("dynamodb").Table(table),
        s3=aws.client("s3"),
        bucket=bucket,
        owner=owner,
        tell=lambda told: click.echo(told, err=True),
    )


if __name__ == "__main__":
    cli(prog_name="wideload-users")
