"""`wideload` with folders: `ls`, `mkdir`, `mv`, `rm -r` and `info`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Command
from tests.client.running import FILE_MEMBERS, Terminal, on_a_terminal, sha256, stored_paths, write
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import Fault, problem

_WHEN = "2026-11-22T09:00:00.123Z"
_FOLDER_MEMBERS = {"folder", "name", "created_at"}


@pytest.fixture
def films(fake_files: FilesService) -> dict[str, str]:
    """Ids of files in folders, by path."""
    paths = ("top.txt", "films/b.mkv", "films/a.mkv", "films/2026/new.mkv", "old/x.mkv")
    return {
        path: fake_files.add(path.encode(), os.path.basename(path), folder=os.path.dirname(path))[
            "file_id"
        ]
        for path in paths
    }


def _shown(output: str) -> list[str]:
    """The last field of each line: the path."""
    return [line.rpartition("\t")[2] for line in output.splitlines()]


# ls


def test_ls_lists_the_top_and_a_folder_with_its_folders_first(
    files_command: Command, films: dict[str, str]
) -> None:
    top = files_command("ls")
    inside = files_command("ls", "films/")

    assert top.output.splitlines() == [
        f"\t{_WHEN}\t\t\t\tfolder\tfilms/",
        f"\t{_WHEN}\t\t\t\tfolder\told/",
        f"{films['top.txt']}\t{_WHEN}\t7\tapplication/octet-stream\t{sha256(b'top.txt')}"
        "\tverified\ttop.txt",
    ]
    assert _shown(inside.output) == ["films/2026/", "films/a.mkv", "films/b.mkv"]
    assert (top.status, inside.status, top.error + inside.error) == (0, 0, "")


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        (["films", "--sort", "-name"], ["films/2026/", "films/b.mkv", "films/a.mkv"]),
        (["films", "--sort", "created_at"], ["films/2026/", "films/b.mkv", "films/a.mkv"]),
        (["films", "--prefix", "A"], ["films/a.mkv"]),
        (["films", "-q", "MKV", "--limit", "1"], ["films/a.mkv"]),
        (["--prefix", "new"], ["films/2026/new.mkv"]),
        (["-q", "x.m"], ["old/x.mkv"]),
        (["films", "--limit", "2"], ["films/2026/", "films/a.mkv"]),
        (
            ["-R", "films"],
            ["films/a.mkv", "films/b.mkv", "films/2026/", "films/2026/new.mkv"],
        ),
        (["-R", "/", "--limit", "3"], ["top.txt", "films/", "films/a.mkv"]),
    ],
)
def test_ls_narrowed_sorted_and_with_all_that_is_below(
    files_command: Command, films: dict[str, str], options: list[str], paths: list[str]
) -> None:
    ran = files_command("ls", *options)

    assert (ran.status, ran.error) == (0, "")
    assert _shown(ran.output) == paths


def test_ls_as_json_tells_folders_from_files(files_command: Command, films: dict[str, str]) -> None:
    folder, *files = files_command("ls", "--json", "films").lines

    assert folder.keys() == _FOLDER_MEMBERS
    assert folder["folder"] == "films/2026"
    assert [file.keys() for file in files] == [FILE_MEMBERS, FILE_MEMBERS]
    assert {file["folder"] for file in files} == {"films"}


def test_ls_of_a_folder_is_a_table_of_80_columns_on_a_terminal(
    fake_files: FilesService, films: dict[str, str]
) -> None:
    lines = on_a_terminal(fake_files, "ls", "films").splitlines()
    deep = on_a_terminal(fake_files, "ls", "-R", "films").splitlines()

    assert lines == [
        f"{'FILE ID':26}  {'CREATED':16}       SIZE  NAME",
        f"{'':26}  2026-11-22 14:30          -  2026/",
        f"{films['films/a.mkv']}  2026-11-22 14:30       11 B  a.mkv",
        f"{films['films/b.mkv']}  2026-11-22 14:30       11 B  b.mkv",
    ]
    assert deep[-1].endswith("  2026/new.mkv")
    assert max(map(len, [*lines, *deep])) <= 80


def test_ls_of_an_unknown_folder_is_refused(files_command: Command) -> None:
    ran = files_command("ls", "none")

    assert (ran.status, ran.output) == (1, "")
    assert ran.error == "wideload: No folder of yours has this path.\n"


def test_a_deployment_without_folders_lists_its_files(
    files_command: Command, fake_files: FilesService
) -> None:
    fake_files.add(b"a", name="a.txt")
    # Its route of a file takes "folders" for an id.
    fake_files.fail("GET /stage/files/folders", problem(404, "unknown_file"))

    ran = files_command("ls")

    assert (ran.status, _shown(ran.output)) == (0, ["a.txt"])


def test_a_deployment_without_the_route_of_many_deletes_one_by_one(
    files_command: Command, fake_files: FilesService
) -> None:
    ids = [fake_files.add(b"%d" % number)["file_id"] for number in range(2)]
    fake_files.fail("POST /stage/files/delete", Fault(404, b'{"message":"Not Found"}'))

    ran = files_command("rm", "--json", ids[0], "01JUNKNOWN", ids[1])

    assert ran.status == 1
    assert [line.get("deleted", line.get("error", {}).get("code")) for line in ran.lines] == [
        True,
        "unknown_file",
        True,
    ]
    assert fake_files.files == {}


# Files that are quarantined


@pytest.fixture
def quarantined(fake_files: FilesService) -> str:
    """The id of a file in which malware was found."""
    file = fake_files.add(b"evil", name="offer.exe")

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        files = answer["items"] if line == "GET /files" else [answer.get("file", {})]
        for shown in files:
            shown["quarantined"] = {"reason": "malware", "detail": "EICAR-Test-File was found."}
            shown["metadata"] = {"project": "p1"}
        return answer

    fake_files.tamper = tamper
    return str(file["file_id"])


def test_ls_shows_quarantine(
    files_command: Command, fake_files: FilesService, quarantined: str
) -> None:
    fields = files_command("ls").output.rstrip("\n").split("\t")
    (as_json,) = files_command("ls", "--json").lines
    table = on_a_terminal(fake_files, "ls").splitlines()

    assert fields[5:] == ["quarantined", "offer.exe"]
    assert as_json["quarantined"] == {"reason": "malware", "detail": "EICAR-Test-File was found."}
    assert as_json["metadata"] == {"project": "p1"}
    assert table[1].endswith("offer.exe  (quarantined: malware)")


def test_info_shows_all_of_a_file(files_command: Command, quarantined: str) -> None:
    ran = files_command("info", "offer.exe")
    (as_json,) = files_command("info", "--json", quarantined).lines

    lines = dict(line.split(":", 1) for line in ran.output.splitlines())
    assert ran.status == 0
    assert lines["Path"].strip() == "offer.exe"
    assert lines["File ID"].strip() == quarantined
    assert lines["Size"].strip() == "4 B (4 bytes)"
    assert lines["Content"].strip() == "quarantined (malware): EICAR-Test-File was found."
    assert lines["SHA-256"].strip() == sha256(b"evil")
    assert lines["project"].strip() == "p1"
    assert as_json.keys() == FILE_MEMBERS


def test_info_by_path_says_who_checked_it_and_when_it_was_changed(
    files_command: Command, tmp_path: Path
) -> None:
    write(tmp_path / "a.bin", 10)
    os.utime(tmp_path / "a.bin", ns=(0, 1_577_934_245_678_000_000))
    files_command("upload", "--folder", "x/y", "a.bin")

    ran = files_command("info", "x/y/a.bin")

    assert "Path:         x/y/a.bin\n" in ran.output
    assert "Content:      verified by S3\n" in ran.output
    assert "Last change:  2020-01-02 " in ran.output


def test_info_of_an_unknown_file_is_refused(files_command: Command) -> None:
    ran = files_command("info", "none.txt")

    assert (ran.status, ran.error) == (1, "wideload: there is no file none.txt\n")


# mkdir


def test_mkdir_makes_folders_and_can_be_repeated(
    files_command: Command, fake_files: FilesService
) -> None:
    ran = files_command("mkdir", "a/b/", "c")
    (again,) = files_command("mkdir", "--json", "a/b").lines

    assert (ran.status, ran.output) == (0, "a/b: is there\nc: is there\n")
    assert again == {"folder": "a/b", "name": "b", "created_at": _WHEN}
    assert _shown(files_command("ls", "-R").output) == ["a/", "a/b/", "c/"]


# mv


def test_mv_moves_files_by_id_path_and_name_and_folders(
    files_command: Command, fake_files: FilesService, films: dict[str, str]
) -> None:
    ran = files_command(
        "mv", films["top.txt"], "films/a.mkv", "x.mkv", "films/2026/", "archive/2025/"
    )

    assert (ran.status, ran.error) == (0, "")
    assert sorted(ran.output.splitlines()) == sorted(
        [
            f"{films['top.txt']}: is now archive/2025/top.txt",
            "films/a.mkv: is now archive/2025/a.mkv",
            "x.mkv: is now archive/2025/x.mkv",
            "films/2026/: is now archive/2025/2026/",
        ]
    )
    assert stored_paths(fake_files) == {
        "archive/2025/top.txt",
        "archive/2025/a.mkv",
        "archive/2025/x.mkv",
        "archive/2025/2026/new.mkv",
        "films/b.mkv",
    }
    assert set(fake_files.files) == set(films.values())


@pytest.mark.parametrize(
    ("source", "target", "becomes"),
    [
        ("films/a.mkv", "c.mkv", "films/c.mkv"),
        ("films/a.mkv", "new/c.mkv", "new/c.mkv"),
        ("films/a.mkv", "/c.mkv", "/c.mkv"),
        ("films/a.mkv", "/", "/a.mkv"),
        ("films/2026/", "2027", "films/2027/new.mkv"),
        ("films/2026/", "/2027", "2027/new.mkv"),
        ("films/2026/", "old/", "old/2026/new.mkv"),
    ],
)
def test_mv_of_one_renames_or_moves(
    files_command: Command,
    fake_files: FilesService,
    films: dict[str, str],
    source: str,
    target: str,
    becomes: str,
) -> None:
    ran = files_command("mv", source, target)

    assert (ran.status, ran.error) == (0, "")
    assert (
        ran.output
        == f"{source}: is now {os.path.dirname(becomes)[:0]}"
        + (f"{becomes.rpartition('/')[0]}/" if source.endswith("/") else becomes.removeprefix("/"))
        + "\n"
    )
    assert becomes in stored_paths(fake_files)
    assert len(fake_files.files) == len(films)


@pytest.mark.parametrize(
    ("if_exists", "status", "left"),
    [
        ("keep-both", 0, {"/a.txt", "/a (2).txt"}),
        ("replace", 0, {"/a.txt"}),
        ("skip", 0, {"/a.txt", "x/a.txt"}),
        ("fail", 1, {"/a.txt", "x/a.txt"}),
    ],
)
@pytest.mark.parametrize("target", ["/", "/a.txt"])
def test_mv_to_a_name_that_is_taken(
    files_command: Command,
    fake_files: FilesService,
    if_exists: str,
    status: int,
    left: set[str],
    target: str,
) -> None:
    other = fake_files.add(b"other", name="a.txt")
    fake_files.add(b"mine", name="a.txt", folder="x")

    ran = files_command("mv", "--json", "--if-exists", if_exists, "x/a.txt", target)

    (line,) = ran.lines
    assert ran.status == status
    assert stored_paths(fake_files) == left
    assert line["source"] == "x/a.txt"
    if if_exists == "fail":
        assert line["error"]["code"] == "name_exists"
    else:
        assert line["skipped"] is (if_exists == "skip")
        assert (line["file_id"] == other["file_id"]) is (if_exists == "skip")


def test_mv_of_what_is_not_there_does_not_keep_others_from_being_moved(
    files_command: Command, fake_files: FilesService, films: dict[str, str]
) -> None:
    ran = files_command("mv", "none", "none/", "films/a.mkv", "old/")

    assert ran.status == 1
    assert "old/a.mkv" in stored_paths(fake_files)
    assert "there is no file none; a folder is given with / at its end" in ran.error
    assert ran.error.count("\n") == 2


def test_mv_of_a_folder_into_itself_or_over_another_is_refused(
    files_command: Command, fake_files: FilesService, films: dict[str, str]
) -> None:
    before = stored_paths(fake_files)

    into_itself = files_command("mv", "films/", "films/2026/")
    over = files_command("mv", "--json", "films/", "old")

    assert (into_itself.status, over.status) == (1, 1)
    assert over.lines[0]["error"]["code"] == "name_exists"
    assert stored_paths(fake_files) == before


# rm -r


def test_rm_of_a_folder_in_a_script_does_not_ask(
    files_command: Command, fake_files: FilesService, films: dict[str, str]
) -> None:
    ran = files_command("rm", "-r", "--json", "films/", "none")

    deleted, unknown = ran.lines
    assert ran.status == 1
    assert deleted == {"folder": "films", "deleted": True}
    assert (unknown["folder"], unknown["error"]["code"]) == ("none", "unknown_folder")
    assert stored_paths(fake_files) == {"/top.txt", "old/x.mkv"}


@pytest.mark.parametrize(("typed", "status", "left"), [("y\n", 0, 2), ("n\n", 1, 5)])
def test_rm_of_a_folder_on_a_terminal_asks(
    fake_files: FilesService, films: dict[str, str], typed: str, status: int, left: int
) -> None:
    with Terminal(fake_files, "rm", "-r", "films") as terminal:
        terminal.until("Delete folder films with everything in it for good? [y/N]:")
        terminal.type(typed)

    assert terminal.status == status
    assert len(fake_files.files) == left


def test_rm_of_a_path_without_recursive_says_what_to_do(
    files_command: Command, fake_files: FilesService
) -> None:
    ran = files_command("rm", "films/")

    assert ran.status == 2
    assert "add --recursive for a folder" in ran.error
    assert fake_files.seen == []
