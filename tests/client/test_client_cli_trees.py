"""`wideload upload --recursive`: the files and folders that a tree becomes, and messages."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.running import FILE_MEMBERS, on_a_terminal, stored_paths, write
from tests.fake_aws.files import FilesService

_LINKS = "skipped, since links aren't followed without --follow-links: "


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with a file, and links to a file and a directory outside of it."""
    for seed, name in enumerate(("d/a.txt", "outside/key.pem", "outside/sub/b.txt")):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        write(tmp_path / name, 10 + seed, seed)
    (tmp_path / "d" / "key.pem").symlink_to("../outside/key.pem")
    (tmp_path / "d" / "sub").symlink_to("../outside/sub")
    return tmp_path / "d"


def test_links_in_a_tree_are_not_followed_unasked(
    files_command: Command, fake_files: FilesService, tree: Path
) -> None:
    ran = files_command("upload", "--recursive", "--json", "d")

    assert ran.status == 0
    assert [line["file"] for line in ran.lines] == ["d/a.txt"]
    assert [file["name"] for file in fake_files.files.values()] == ["a.txt"]
    assert ran.error == f"wideload: {_LINKS}d/key.pem, d/sub\n"


def test_links_are_followed_if_that_is_asked_for(
    files_command: Command, fake_files: FilesService, tree: Path
) -> None:
    (tree / "loop").symlink_to("../d")

    ran = files_command("upload", "--recursive", "--follow-links", "--json", "d")

    assert ran.status == 0
    assert {line["file"] for line in ran.lines} == {"d/a.txt", "d/key.pem", "d/sub/b.txt"}
    assert ran.error == ("wideload: skipped, since they are in already by another path: d/loop\n")


def test_a_link_that_is_given_is_followed(
    files_command: Command, fake_files: FilesService, tree: Path
) -> None:
    ran = files_command("upload", "--json", "--recursive", "d/key.pem", "d/sub")

    assert ran.status == 0
    assert {line["file"] for line in ran.lines} == {"d/key.pem", "d/sub/b.txt"}


def test_a_directory_that_can_not_be_read_is_named_and_the_rest_goes_on(
    files_command: Command, fake_files: FilesService, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked", "z"):
        (tree / name).mkdir()
        write(tree / name / "last.txt", 30, 30)
    (tree / "sub").unlink()
    (tree / "key.pem").unlink()
    listed = os.listdir

    def listdir(path: str) -> list[str]:  # root, as which the tests may run, can read all
        if path == "d/locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", listdir)

    ran = files_command("upload", "--recursive", "--json", "d")

    assert ran.status == 2
    assert {line["file"] for line in ran.lines[1:]} == {"d/a.txt", "d/z/last.txt"}
    assert ran.lines[0]["file"] == "d/locked"
    assert ran.error == "wideload: d/locked: Permission denied\n"


def test_what_the_api_does_not_take_is_told_one_by_one_and_the_rest_goes_on(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    for seed, name in enumerate(("d/a.txt", "d/back\\slash.txt", "d/on\x1be/b.txt", "d/z/c.txt")):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        write(tmp_path / name, 10 + seed, seed)

    ran = files_command("upload", "--recursive", "--json", "d")

    errors = {line["file"]: line["error"]["message"] for line in ran.lines if "error" in line}
    assert ran.status == 2
    assert {line["file"] for line in ran.lines} - set(errors) == {"d/a.txt", "d/z/c.txt"}
    assert set(errors) == {"d/back\\slash.txt", "d/on\x1be"}
    assert "no / and no \\" in errors["d/back\\slash.txt"]
    assert "can't be made" in errors["d/on\x1be"]
    assert len(ran.error.splitlines()) == 2
    assert "stopped" not in ran.error


def test_a_dangling_link_that_is_followed_is_a_failure(
    files_command: Command, fake_files: FilesService, tree: Path
) -> None:
    (tree / "broken").symlink_to("nowhere")

    unasked = files_command("upload", "--recursive", "d")
    ran = files_command("upload", "--recursive", "--follow-links", "--quiet", "d")

    assert unasked.status == 0
    assert f"{_LINKS}d/broken, d/key.pem, d/sub\n" in unasked.error
    assert (ran.status, ran.error) == (2, "wideload: d/broken: No such file or directory\n")


def test_what_is_no_file_and_what_the_system_leaves_is_skipped_and_named(
    files_command: Command, fake_files: FilesService, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("key.pem", "sub"):
        (tree / name).unlink()
    (tree / "e").mkdir()
    for name in (".DS_Store", "Desktop.ini", "THUMBS.DB", "e/.DS_Store"):
        (tree / name).write_bytes(name.encode())
    os.mkfifo(tree / "pipe")
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    monkeypatch.chdir(tree.parent)

    ran = files_command("upload", "--recursive", "--json", "d")
    given = files_command("upload", "--json", "d/.DS_Store")
    quiet = files_command("upload", "--recursive", "--quiet", "d")

    assert (ran.status, [line["file"] for line in ran.lines]) == (0, ["d/a.txt", "d/e"])
    assert ran.error.splitlines() == [
        "wideload: skipped, since file managers leave them behind: "
        "d/.DS_Store, d/Desktop.ini, d/THUMBS.DB, d/e/.DS_Store",
        "wideload: skipped, since pipes, sockets and devices aren't uploaded: d/pipe, d/socket",
    ]
    assert given.lines[0]["file"] == "d/.DS_Store"
    assert (quiet.status, quiet.error) == (0, "")


def test_of_many_that_are_skipped_some_are_named_and_all_if_wanted(
    files_command: Command, fake_files: FilesService, tree: Path
) -> None:
    for number in range(10):
        (tree / f"link-{number}").symlink_to("a.txt")

    ran = files_command("upload", "--recursive", "d")
    verbose = files_command("upload", "--recursive", "--verbose", "d")

    assert "d/link-3 and 7 more (all with --verbose)\n" in ran.error
    assert "d/link-9, d/sub\n" in verbose.error


def test_a_tree_without_a_file_says_why(
    files_command: Command, fake_files: FilesService, tree: Path
) -> None:
    (tree / "a.txt").unlink()

    ran = files_command("upload", "--recursive", "d/.")

    assert ran.status == 2
    assert _LINKS in ran.error
    assert "there is no file in what was given" in ran.error
    assert fake_files.seen == []


def test_help_says_what_is_skipped_and_the_exit_status(files_command: Command) -> None:
    text = " ".join(files_command("upload", "--help").output.split())

    assert ".DS_Store, Thumbs.db and desktop.ini" in text
    assert "Links, pipes, sockets and devices are skipped" in text
    assert "directories without files become folders, too" in text
    assert "is a failure (exit status 2), and the rest is uploaded" in text


def test_a_file_that_goes_while_others_are_uploaded_is_named(
    files_command: Command, fake_files: FilesService, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "b.txt", 20, 20)
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: [*listed(folder), "c.txt"])
    looked = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: looked(str(path).replace("c.txt", "b.txt")))

    ran = files_command("upload", "--recursive", "--json", "d")

    assert ran.status == 2
    assert {line["file"] for line in ran.lines if "error" not in line} == {"d/a.txt", "d/b.txt"}
    assert "wideload: d/c.txt: No such file or directory\n" in ran.error


# Folders


_TREE = {"a.txt": b"a", ".hidden": b"hidden", "sub/a.txt": b"other", "sub/copy.txt": b"a"}


def _make(top: Path) -> None:
    for name, content in _TREE.items():
        (top / name).parent.mkdir(exist_ok=True, parents=True)
        (top / name).write_bytes(content)
    (top / "sub" / "empty" / "within").mkdir(parents=True)


def _found(top: Path) -> dict[str, bytes | None]:
    """Content of each file below a directory; None for directories."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
    }


def test_a_tree_becomes_folders_and_is_downloaded_again(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    _make(tmp_path / "disk" / "photos")

    up = files_command("upload", "-r", "--folder", "2026", "--json", "disk/photos/")
    down = files_command("download", "-r", "--json", "2026/photos", "-o", "copy")

    assert (up.status, down.status, up.error + down.error) == (0, 0, "")
    assert stored_paths(fake_files) == {f"2026/photos/{name}" for name in _TREE}
    assert _found(tmp_path / "copy" / "photos") == _found(tmp_path / "disk" / "photos")
    assert {line["file"]: line["folder"] for line in up.lines} == {
        "disk/photos/a.txt": "2026/photos",
        "disk/photos/.hidden": "2026/photos",
        "disk/photos/sub/a.txt": "2026/photos/sub",
        "disk/photos/sub/copy.txt": "2026/photos/sub",
        "disk/photos/sub/empty/within": "2026/photos/sub/empty/within",
    }
    files = {line["path"]: line for line in down.lines if "file_id" in line}
    assert set(files) == {f"copy/photos/{name}" for name in _TREE}
    assert files["copy/photos/a.txt"].keys() == {
        *FILE_MEMBERS,
        "path",
        "bytes_received",
        "resumed_bytes",
    }
    folders = [line for line in down.lines if "file_id" not in line]
    assert {line["path"]: line["folder"] for line in folders} == {
        "copy/photos/sub": "2026/photos/sub",
        "copy/photos/sub/empty": "2026/photos/sub/empty",
        "copy/photos/sub/empty/within": "2026/photos/sub/empty/within",
    }


@pytest.mark.parametrize(
    ("given", "folders"),
    [
        (["d"], {"d", "d/sub"}),
        (["d/"], {"d", "d/sub"}),
        (["d/."], {"", "sub"}),
        (["d/sub", "d/a.txt"], {"sub", ""}),
        (["--folder", "/", "d"], {"d", "d/sub"}),
    ],
)
def test_the_folder_that_a_directory_becomes(
    files_command: Command,
    fake_files: FilesService,
    tmp_path: Path,
    given: list[str],
    folders: set[str],
) -> None:
    _make(tmp_path / "d")

    ran = files_command("upload", "-r", *given)

    assert (ran.status, ran.error) == (0, "")
    assert {file["folder"] for file in fake_files.files.values()} == folders


def test_the_top_is_downloaded_into_the_output_itself(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.add(b"x", name="x.txt")
    fake_files.add(b"y", name="y.txt", folder="f")

    ran = files_command("download", "-r", "/", "-o", "all")

    assert (ran.status, ran.error) == (0, "")
    assert _found(tmp_path / "all") == {"x.txt": b"x", "f": None, "f/y.txt": b"y"}
    assert sorted(ran.output.splitlines()) == ["all/f/y.txt: 1 B", "all/x.txt: 1 B"]


def test_a_second_run_transfers_only_what_is_missing(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    _make(tmp_path / "d")
    files_command("upload", "-r", "d")
    files_command("download", "-r", "d", "-o", "copy")
    (tmp_path / "copy" / "d" / "sub" / "a.txt").unlink()
    sent = fake_files.s3.bytes_put
    del fake_files.seen[:]

    up = files_command("upload", "-r", "--json", "d")
    down = files_command("download", "-r", "--json", "d", "-o", "copy")

    assert fake_files.s3.bytes_put == sent
    assert all(line["duplicate"] for line in up.lines if "file_id" in line)
    assert sum(line.get("bytes_received", 0) for line in down.lines) == len(b"other")
    assert len(fake_files.requests("GET /s3/")) == 1
    assert _found(tmp_path / "copy" / "d") == _found(tmp_path / "d")


def test_files_that_are_there_with_other_content_are_replaced_only_by_force(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    _make(tmp_path / "copy" / "d")
    fake_files.add(b"new a", name="a.txt", folder="d")
    fake_files.add(b"b", name="b.txt", folder="d")

    kept = files_command("download", "-r", "d", "-o", "copy")
    mine = (tmp_path / "copy" / "d" / "a.txt").read_bytes()
    forced = files_command("download", "-r", "--force", "d", "-o", "copy")

    assert (kept.status, forced.status, mine) == (2, 0, b"a")
    assert "a.txt" in kept.error
    assert kept.error.endswith("add --force to replace it\n")
    assert (tmp_path / "copy" / "d" / "a.txt").read_bytes() == b"new a"
    assert (tmp_path / "copy" / "d" / "b.txt").read_bytes() == b"b"


def test_a_folder_that_is_not_there_does_not_keep_others_from_being_downloaded(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.add(b"x", name="x.txt", folder="f")

    ran = files_command("download", "-r", "--json", "none/", "f")

    assert ran.status == 1
    assert [line.get("error", {}).get("code") for line in ran.lines] == ["unknown_folder", None]
    assert ran.lines[0]["folder"] == "none"
    assert _found(tmp_path) == {"f": None, "f/x.txt": b"x"}


def test_nothing_is_written_outside_of_the_output(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.add(b"evil", name="x.txt", folder="f/sub")
    (tmp_path / "out" / "f").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "out" / "f" / "sub").symlink_to(tmp_path / "home")

    ran = files_command("download", "-r", "f", "-o", "out")

    assert ran.status != 0
    assert os.listdir(tmp_path / "home") == []
    assert "sub" in ran.error


def test_small_files_are_announced_and_listed_many_at_a_time(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    for number in range(60):
        (tmp_path / "d" / f"{number}").write_bytes(b"%d" % number)

    up = files_command("upload", "-r", "--json", "d")
    announced = fake_files.api_requests.count("POST /stage/files")
    again = files_command("upload", "-r", "--json", "d")
    lists = len(fake_files.api_requests)
    down = files_command("download", "-r", "--json", "d", "-o", "copy")

    assert len(up.lines) == len(again.lines) == len(down.lines) == 60
    assert announced <= 4
    asked = fake_files.api_requests[lists:]
    assert len([line for line in asked if not line.endswith("/download")]) <= 5


def test_the_summary_of_a_tree_on_a_terminal(fake_files: FilesService, tmp_path: Path) -> None:
    _make(tmp_path / "d")

    up = on_a_terminal(fake_files, "upload", "-r", "d", cwd=tmp_path)
    down = on_a_terminal(fake_files, "download", "-r", "d", "-o", "copy", cwd=tmp_path)

    assert "d/sub/empty/within: is the folder d/sub/empty/within\n" in up
    counts = [ran.splitlines()[-1].partition("; ")[0].split(", ") for ran in (up, down)]
    assert sorted(counts[0]) == ["1 already there", "1 empty folder", "3 uploaded"]
    assert sorted(counts[1]) == ["3 folders", "4 downloaded"]
