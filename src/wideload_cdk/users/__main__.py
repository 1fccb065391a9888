"""The program `wideload-users`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from wideload_cdk import users
from wideload_cdk.operate.backups import find_backups
from wideload_cdk.operate.command_line import (
    CONTEXT_SETTINGS,
    confirm,
    dry_run_option,
    echo_deletion,
    echo_json,
    echo_restored,
    echo_table,
    explain,
    json_option,
    yes_option,
)
from wideload_cdk.operate.deployment import (
    BUCKET,
    FILES_TABLE,
    USER_POOL,
    Aws,
    deployment_command,
)
from wideload_cdk.shared.limits import INVITATION_DAYS
from wideload_cdk.users.owned_files import OwnedFiles
from wideload_cdk.users.restored_files import put_files_back


@click.group(context_settings=CONTEXT_SETTINGS)
def cli() -> None:
    """Make, invite, list, disable and delete the users of a Wideload file transfer deployment.

    The deployment is named by --stack or --user-pool. Credentials and profile are found as by the
    AWS CLI, for example in AWS_PROFILE.
    """


def _pool_command(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command on the user pool, and pass Cognito and the pool's id first."""

    @json_option
    @deployment_command("Stack that made the user pool.", USER_POOL)
    @functools.wraps(command)
    def wrapper(aws: Aws, *, pool_id: str, **arguments: Any) -> None:
        command(aws.client("cognito-idp"), pool_id, **arguments)

    return wrapper


def _files_command(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command on files, where people may be those of another issuer."""
    pool = dataclasses.replace(USER_POOL, optional=True)
    with_names = deployment_command("Stack of file transfer.", pool, FILES_TABLE, BUCKET)
    return json_option(with_names(command))


@cli.command()
@click.argument("email")
@click.option(
    "--print-password",
    is_flag=True,
    help="Send no e-mail; print the temporary password instead.",
)
@_pool_command
def create(
    cognito: users.Cognito, pool_id: str, *, email: str, print_password: bool, as_json: bool
) -> None:
    """Make a user who signs in with this e-mail address.

    Cognito mails them a temporary password, valid for 7 days.
    """
    new = users.create_user(cognito, pool_id, email, invite=not print_password)
    if as_json:
        echo_json(new)
    elif new.password is not None:
        click.echo(new.password)
    if new.password is None:
        _explain_invitation(new)
    else:
        explain(
            f"Made {new.email}. The temporary password is shown this once; they sign in with it "
            f"and their e-mail address within {INVITATION_DAYS} days."
        )


@cli.command()
@click.argument("email")
@click.option("--again", is_flag=True, help="Mail a new password to a user who was invited.")
@_pool_command
def invite(cognito: users.Cognito, pool_id: str, *, email: str, again: bool, as_json: bool) -> None:
    """Make a user and mail them a temporary password, valid for 7 days.

    With --again, invite a user again whose mail was lost or whose password has expired.
    """
    invited = (users.invite_again if again else users.create_user)(cognito, pool_id, email)
    if as_json:
        echo_json(invited)
    _explain_invitation(invited)


def _explain_invitation(user: users.User) -> None:
    explain(
        f"Cognito has sent {user.email} a temporary password. They sign in with it and their "
        f"e-mail address within {INVITATION_DAYS} days."
    )


@cli.command("list")
@_pool_command
def list_(cognito: users.Cognito, pool_id: str, *, as_json: bool) -> None:
    """List all users, by e-mail address."""
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
        explain("There are no users.")


@cli.command()
@click.argument("email")
@_pool_command
def disable(cognito: users.Cognito, pool_id: str, *, email: str, as_json: bool) -> None:
    """Keep this user from signing in. Their files stay."""
    user = users.disable_user(cognito, pool_id, email)
    if as_json:
        echo_json(user)
    explain(f"Disabled {user.email}. Access tokens that they have may work for up to an hour more.")


@cli.command()
@click.argument("email")
@_pool_command
def enable(cognito: users.Cognito, pool_id: str, *, email: str, as_json: bool) -> None:
    """Let this user sign in again."""
    user = users.enable_user(cognito, pool_id, email)
    if as_json:
        echo_json(user)
    explain(f"Enabled {user.email}.")


@cli.command()
@click.argument("person")
@_files_command
def usage(
    aws: Aws, *, person: str, pool_id: str | None, files_table: str, bucket: str, as_json: bool
) -> None:
    """Show the files, bytes and open uploads that count towards a person's quotas.

    PERSON is an e-mail address or a user id; people of another issuer have only a user id.
    """
    owned = _owned_files(aws, files_table, bucket, _user_id(aws, pool_id, person))
    _refuse_addresses(owned, pool_id)
    found = owned.usage()
    if as_json:
        echo_json({"user_id": owned.owner, **dataclasses.asdict(found)})
        return
    click.echo(
        f"{person}: {found.files:,} files, {found.bytes:,} bytes, "
        f"{found.open_uploads:,} open uploads"
    )


@cli.command()
@click.argument("person")
@click.option("--with-files", is_flag=True, help="Delete their files, too.")
@dry_run_option
@yes_option
@_files_command
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
    """Delete a person, for good, and with --with-files their files.

    PERSON is an e-mail address or a user id; people of another issuer have only a user id here, and
    are deleted there. They are disabled first and deleted from the user pool last, so that an
    interrupted command can be run again. The report ends with the backups that still hold what was
    deleted.
    """
    owner = _user_id(aws, pool_id, person)
    owned = _owned_files(aws, files_table, bucket, owner)
    _refuse_addresses(owned, pool_id)
    if not with_files and not dry_run:
        _refuse_what_is_stored(owned, person)
    cognito = aws.client("cognito-idp")
    # Before anything is deleted: without permission to list backups there would be no report.
    backups = find_backups(aws.client("dynamodb"), files_table, dt.datetime.now(dt.UTC))
    if not dry_run:
        confirm(person, yes=yes)
        if pool_id is not None:
            # Missing or disabled users were left by an earlier run.
            with suppress(users.UserNotFoundError):
                if users.find_user(cognito, pool_id, owner).enabled:
                    users.disable_user(cognito, pool_id, owner)
    report = owned.delete(dry_run=dry_run)
    if pool_id is not None and not dry_run:
        with suppress(users.UserNotFoundError):
            users.delete_user(cognito, pool_id, owner)
    sentences = [
        f"{'There are' if dry_run else 'Deleted'} of {person}: {report.files:,} files, "
        f"{report.uploads:,} uploads, {report.objects:,} objects with {report.bytes:,} bytes."
    ]
    if report.swept_until and not dry_run:
        sentences.append(
            "Upload URLs that are still valid could store some of it again; the sweep removes that "
            f"until {report.swept_until}."
        )
    echo_deletion(
        {"user_id": owner, **dataclasses.asdict(report)},
        sentences,
        [backups],
        dry_run=dry_run,
        as_json=as_json,
    )


@cli.command()
@click.option("--from", "restored", required=True, metavar="NAME", help="The restored table.")
@click.option("--person", metavar="P", help="Only this person's files: an address or a user id.")
@dry_run_option
@_files_command
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

    Files whose object is gone are left out, and listed. Exit status 1 if there are any.
    """
    report = put_files_back(
        aws.client("s3"),
        restored=aws.table(restored),
        table=aws.table(files_table),
        bucket=bucket,
        owner=None if person is None else _user_id(aws, pool_id, person),
        dry_run=dry_run,
    )
    echo_restored(report, "files", dry_run=dry_run, as_json=as_json)


def _refuse_what_is_stored(owned: OwnedFiles, person: str) -> None:
    """Raise if a person has files or uploads, also if an interrupted deletion reset their usage."""
    stored = owned.usage()
    found = dataclasses.replace(owned, tell=lambda _: None).delete(dry_run=True)
    if stored.files or stored.open_uploads or found.files or found.objects:
        raise click.ClickException(
            f"{person} has {found.files:,} files, {stored.open_uploads:,} open uploads and "
            f"{found.objects:,} objects; give --with-files to delete them, too, or only disable "
            "the person."
        )


def _user_id(aws: Aws, pool_id: str | None, person: str) -> str:
    """The user id of a person who is named by it, or by an address if there is a user pool."""
    if pool_id is None or "@" not in person:
        return person
    return users.find_user(aws.client("cognito-idp"), pool_id, person).user_id


def _refuse_addresses(owned: OwnedFiles, pool_id: str | None) -> None:
    """Raise if a person of another issuer seems to be named by an address."""
    if pool_id is None and "@" in owned.owner and not owned.is_known():
        raise click.UsageError(
            f"Nothing is known of a user id {owned.owner}, and no user pool is known that has "
            "addresses: give the person's user id, the claim `sub` of their tokens."
        )


def _owned_files(aws: Aws, table: str, bucket: str, owner: str) -> OwnedFiles:
    return OwnedFiles(
        table=aws.table(table),
        s3=aws.client("s3"),
        bucket=bucket,
        owner=owner,
        tell=explain,
    )


if __name__ == "__main__":
    cli(prog_name="wideload-users")
