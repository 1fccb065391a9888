"""`wideload ls`, `rm`, `mv`, `uploads` and `abort`, and what all commands for files share."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

import wideload
from tests.client.conftest import Command
from tests.client.running import (
    FILE_MEMBERS,
    on_a_terminal,
    read_terminal,
    sha256,
    start,
    take_terminal,
    write,
)
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.messages import DROP, Fault, s3_error

# ls


def test_files_are_fields_with_tabs_when_piped(
    files_command: Command, fake_files: FilesService
) -> None:
    first = fake_files.add(b"one", name="one.txt", verified=False)
    second = fake_files.add(b"two", name="zw\u202eo", corrupt=True)

    ran = files_command("ls")

    kind, when = "application/octet-stream", "2026-11-22T09:00:00.123Z"
    assert ran.output.splitlines() == [
        f"{second['file_id']}\t{when}\t3\t{kind}\t{sha256(b'two')}\tcorrupt\tzw?o",
        f"{first['file_id']}\t{when}\t3\t{kind}\t{sha256(b'one')}\tunverified\tone.txt",
    ]
    assert (ran.status, ran.error) == (0, "")


def test_files_as_json_and_narrowed(files_command: Command, fake_files: FilesService) -> None:
    for name in ("Report 1.pdf", "photo.jpg", "report 2.pdf"):
        fake_files.add(name.encode(), name=name)
    fake_files.longest_page = 2

    found = files_command("ls", "--json", "-q", "REPORT").lines

    assert [file["name"] for file in found] == ["report 2.pdf", "Report 1.pdf"]
    assert found[0].keys() == FILE_MEMBERS
    assert len(files_command("ls", "--limit", "1").output.splitlines()) == 1


def test_files_are_a_table_on_a_terminal(fake_files: FilesService, tmp_path: Path) -> None:
    first = fake_files.add(b"x" * 1500, name="one.txt", verified=False)
    second = fake_files.add(b"y", name="two.txt", corrupt=True)

    short = on_a_terminal(fake_files, "ls").splitlines()
    long = on_a_terminal(fake_files, "ls", "--long").splitlines()

    assert short == [
        f"{'FILE ID':26}  {'CREATED':16}       SIZE  NAME",
        f"{second['file_id']}  2026-11-22 14:30        1 B  two.txt  (corrupt)",
        f"{first['file_id']}  2026-11-22 14:30     1.5 KB  one.txt",
    ]
    assert long[2].endswith("one.txt  (unverified)")
    assert sha256(b"x" * 1500) in long[2]
    assert "application/octet-stream" in long[2]


def test_a_long_list_is_cut_on_a_terminal_and_says_so(fake_files: FilesService) -> None:
    for number in range(51):
        fake_files.add(bytes([number]), name=f"{number}.bin")

    cut = on_a_terminal(fake_files, "ls").splitlines()

    assert len(cut) == 1 + 50 + 1
    assert cut[-1] == (
        "wideload: the first 50 are shown: see more with --limit, others with --query"
    )
    assert len(on_a_terminal(fake_files, "ls", "--limit", "99").splitlines()) == 1 + 51


def test_a_reader_that_has_enough_ends_it_quietly(fake_files: FilesService) -> None:
    for number in range(200):
        fake_files.add(b"%d" % number, name=f"{number}-{'n' * 200}")
    fake_files.longest_page = 10

    with start(fake_files, "ls") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()

    assert (process.wait(120), error) == (0, b"")


# rm, mv, uploads, abort


def test_rm_in_a_script_does_not_ask(files_command: Command, fake_files: FilesService) -> None:
    ids = [fake_files.add(b"%d" % number)["file_id"] for number in range(2)]

    ran = files_command("rm", *ids, ids[0])

    assert (ran.status, ran.error) == (0, "")
    assert ran.output == f"{ids[0]}: deleted\n{ids[1]}: deleted\n"
    assert fake_files.files == {}


@pytest.mark.parametrize(
    ("arguments", "typed", "left", "status"),
    [((), b"y\n", 0, 0), ((), b"n\n", 1, 1), ((), b"\n", 1, 1), (("--yes",), b"", 0, 0)],
)
def test_rm_on_a_terminal_asks(
    fake_files: FilesService, arguments: tuple[str, ...], typed: bytes, left: int, status: int
) -> None:
    file = fake_files.add(b"abc")
    screen, terminal = pty.openpty()
    process = start(
        fake_files,
        "rm",
        *arguments,
        file["file_id"],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(terminal)
    if typed:
        os.write(screen, typed)
    shown = read_terminal(screen).decode()

    assert process.wait(120) == status
    assert len(fake_files.files) == left
    assert (f"Delete file {file['file_id']} for good? [y/N]:" in shown) is bool(typed)
    assert ("nothing was deleted" in shown) is bool(left)


def test_an_unknown_file_does_not_keep_others_from_being_deleted(
    files_command: Command, fake_files: FilesService
) -> None:
    file = fake_files.add(b"abc")

    ran = files_command("rm", "--json", "01JUNKNOWN", file["file_id"])

    unknown, deleted = ran.lines
    assert ran.status == 1
    assert unknown["error"]["code"] == "unknown_file"
    assert deleted == {"file_id": file["file_id"], "deleted": True}


@pytest.mark.parametrize("fault", [Fault(404, b'{"message":"Not Found"}'), DROP])
def test_other_trouble_keeps_the_rest_from_being_deleted(
    files_command: Command, fake_files: FilesService, fault: Fault
) -> None:
    ids = [fake_files.add(b"%d" % number)["file_id"] for number in range(3)]
    fake_files.fail("POST /stage/files/delete", fault)
    fake_files.fail("DELETE", fault)

    ran = files_command("rm", "--retries", "0", *ids)

    assert ran.status == (1 if fault.status else 3)
    assert "stopped: 2 more not deleted" in ran.error
    assert len(fake_files.files) == 3


def test_mv_renames(files_command: Command, fake_files: FilesService) -> None:
    file = fake_files.add(b"abc", name="old.txt")

    ran = files_command("mv", file["file_id"], "new name.txt")
    (as_json,) = files_command("mv", "--json", file["file_id"], "--", "-newer.txt").lines

    assert ran.output == f"{file['file_id']}: is now new name.txt\n"
    assert as_json.keys() == {*FILE_MEMBERS, "source", "skipped"}
    assert fake_files.files[file["file_id"]]["name"] == "-newer.txt"


def test_mv_of_an_unknown_file_is_refused(files_command: Command) -> None:
    ran = files_command("mv", "01JUNKNOWN", "x")

    assert (ran.status, ran.output) == (1, "")
    assert ran.error == (
        "wideload: there is no file 01JUNKNOWN; a folder is given with / at its end\n"
    )


@pytest.fixture
def interrupted(fake_files: FilesService, files_command: Command, tmp_path: Path) -> str:
    """An upload that S3 would not take, and that is open still."""
    write(tmp_path / "film.mkv", 100)
    fake_files.fail("PUT /s3/", s3_error(400, "InvalidRequest"))
    assert files_command("upload", "--folder", "films", "film.mkv").status == 1
    (upload_id,) = fake_files.uploads
    return upload_id


def test_uploads_lists_what_is_not_finished(
    files_command: Command, fake_files: FilesService, interrupted: str
) -> None:
    fake_files.add(b"finished")

    ran = files_command("uploads")
    (as_json,) = files_command("uploads", "--json").lines

    begun, until = "2026-11-22T09:00:00.123Z", "2026-11-29T09:00:00.123Z"
    assert ran.output == f"{interrupted}\t{begun}\t{until}\t100\topen\tfilms/film.mkv\n"
    assert as_json.keys() == {
        "upload_id",
        "state",
        "folder",
        "name",
        "size",
        "content_type",
        "sha256",
        "part_size",
        "part_count",
        "created_at",
        "expires_at",
        "first_sha256",
    }
    assert on_a_terminal(fake_files, "uploads").splitlines() == [
        f"{'UPLOAD ID':26}  {'BEGUN':16}  {'KEPT UNTIL':16}       SIZE  NAME",
        f"{interrupted}  2026-11-22 14:30  2026-11-29 14:30      100 B  films/film.mkv",
    ]


def test_abort_gives_an_upload_up(
    files_command: Command, fake_files: FilesService, interrupted: str
) -> None:
    ran = files_command("abort", interrupted)

    assert (ran.status, ran.output) == (0, f"{interrupted}: aborted\n")
    assert fake_files.uploads[interrupted].state == "aborted"
    assert files_command("abort", "--json", interrupted).lines == [
        {"upload_id": interrupted, "aborted": True}
    ]
    assert files_command("uploads").output == ""


def test_a_finished_upload_can_not_be_aborted(
    files_command: Command, fake_files: FilesService, tmp_path: Path, interrupted: str
) -> None:
    files_command("upload", "film.mkv")
    write(tmp_path / "other.mkv", 50, seed=5)
    fake_files.fail("PUT /s3/", s3_error(400, "InvalidRequest"))
    files_command("upload", "other.mkv")
    other = list(fake_files.uploads)[1]

    ran = files_command("abort", interrupted, other)

    assert ran.status == 1
    says = "The upload is completed: delete its file, if you like."
    assert ran.error == f"wideload: {interrupted}: {says}\n"
    assert ran.output == f"{other}: aborted\n"


# All of them


@pytest.mark.parametrize("name", ["upload", "download", "ls", "rm", "mv", "uploads", "abort"])
def test_help_has_an_example_and_the_exit_statuses(files_command: Command, name: str) -> None:
    text = files_command(name, "--help").output

    assert f"\n    wideload {name}" in text
    assert "4    not signed in" in text
    assert "WIDELOAD_FILES_URL" in text
    assert "--token" not in text


def test_the_token_is_not_shown(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    write(tmp_path / "a.bin", 10)
    fake_files.token = "another"

    for arguments in (("upload", "a.bin"), ("ls",), ("rm", "01J"), ("download", "01J")):
        ran = files_command(*arguments)

        assert ran.status == 4
        assert TOKEN not in ran.output + ran.error


def test_all_the_members_of_a_file_are_printed() -> None:
    from wideload._cli.output import members_of

    file = wideload.FileInfo.of(
        {
            "file_id": "01J",
            "name": "n",
            "size": 1,
            "content_type": "a/b",
            "sha256": "0",
            "verified": True,
            "created_at": "t",
        }
    )

    assert members_of(file).keys() == FILE_MEMBERS


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1023, "1023 B"),
        (1024, "1 KB"),
        (1536, "1.5 KB"),
        (2304, "2.3 KB"),
        (10_200, "10.0 KB"),
        (10_240, "10 KB"),
        (1_048_575, "1024 KB"),
        (64 * MIB, "64 MB"),
        (1_500_000_000, "1.40 GB"),
        (3 * 1024 * MIB, "3 GB"),
        (5 * 10**12, "4.55 TB"),
        (5 * 10**15, "4.44 PB"),
    ],
)
def test_sizes_for_people_are_those_of_the_page(size: int, shown: str) -> None:
    from wideload._cli.formatting import human_size

    assert human_size(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_times_for_people(seconds: float, shown: str) -> None:
    from wideload._cli.formatting import human_time

    assert human_time(seconds) == shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("upload",), "FILE"),
        (("upload", "none.bin"), "none.bin: No such file"),
        (("upload", "-"), "give --name"),
        (("upload", "-", "a.bin", "--name", "x"), "give - alone"),
        (("upload", "a.bin", "b.bin", "--name", "x"), "give one FILE"),
        (("upload", "a.bin", "b.bin", "--content-type", "x/y"), "give one FILE"),
        (("upload", "a.bin", "--parallel", "0"), "--parallel"),
        (("upload", "a.bin", "--url", " "), "give --url, or set WIDELOAD_FILES_URL"),
        (("upload", "a.bin", "--name", "a/b"), "has no /"),
        (("download",), "ID"),
        (("download", "../x"), "neither the id"),
        (("download", "01J", "-o", "none/x"), "there is no directory none"),
        (("download", "01J", "-o", "none/"), "there is no directory none"),
        (("download", "01J", "01K", "-o", "x"), "which several files need"),
        (("download", "01J", "01K", "-o", "-"), "is for one ID"),
        (("download", "01J", "-o", "-", "--json"), "without --json"),
        (("ls", "--limit", "0"), "--limit"),
        (("ls", "-q", "x" * 256), "q has 1 to 255 characters"),
        (("rm",), "ID"),
        (("rm", "01J", "a/b"), "no file id"),
        (("mv", "01J"), "SOURCE"),
        (("mv", "01J", "a//b"), "none doubled"),
        (("mv", "01J", "a\\b"), "no \\"),
        (("mv", "01J", "01K", "b"), "give the target as b/"),
        (("mv", "a//b/", "c/"), "none doubled"),
        (("mkdir", "a//b"), "none doubled"),
        (("rm", "-r", "/"), "the top can't be deleted"),
        (("ls", "-R", "--sort", "name"), "--recursive lists all by name"),
        (("upload", "a.bin", "--limit-rate", "5X"), "bytes per second"),
        (("upload", "a.bin", "--if-exists", "ask"), "--if-exists"),
        (("upload", "a.bin", "--folder", "a/../b"), "is no file name"),
        (("download", "-r", "films", "-o", "-"), "for one file"),
        (("info", "films/"), "neither the id"),
        (("abort", "a b"), "no upload id"),
        (("uploads", "x"), "x"),
    ],
)
def test_wrong_usage_says_what_to_do_in_one_line_and_sends_nothing(
    files_command: Command,
    fake_files: FilesService,
    tmp_path: Path,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    write(tmp_path / "a.bin", 10)
    write(tmp_path / "b.bin", 20)

    ran = files_command(*arguments)

    assert (ran.status, ran.output) == (2, "")
    assert says in ran.error
    assert ran.error.count("\n") == 1
    assert fake_files.seen == []
