"""Options of transfers: `--if-exists`, `--limit-rate` and `--no-mtime`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.running import stored_paths, write
from tests.fake_aws.files import MIB, FilesService
from wideload._files.rate_limit import RateLimit

# Names that are taken


@pytest.mark.parametrize(
    ("if_exists", "status", "stored", "says"),
    [
        (
            "keep-both",
            0,
            {b"old", b"new"},
            "it is named a (2).txt, since another file has its name",
        ),
        ("replace", 0, {b"new"}, "uploaded as"),
        ("skip", 0, {b"old"}, "skipped, since x/a.txt is there with other content"),
        ("fail", 1, {b"old"}, "a.txt"),
    ],
)
def test_upload_to_a_name_that_is_taken(
    files_command: Command,
    fake_files: FilesService,
    tmp_path: Path,
    if_exists: str,
    status: int,
    stored: set[bytes],
    says: str,
) -> None:
    fake_files.add(b"old", name="a.txt", folder="x")
    (tmp_path / "a.txt").write_bytes(b"new")

    ran = files_command("upload", "--folder", "/x/", "--if-exists", if_exists, "a.txt")

    assert ran.status == status
    assert says in ran.output + ran.error
    assert {fake_files.content(file_id) for file_id in fake_files.files} == stored


def test_names_of_a_tree_that_are_taken(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "d" / name).write_bytes(name.encode())
    fake_files.add(b"old", name="a.txt", folder="d")

    ran = files_command("upload", "-r", "--if-exists", "skip", "--json", "d")

    assert ran.status == 0
    assert {line["file"]: line["skipped"] for line in ran.lines} == {
        "d/a.txt": True,
        "d/b.txt": False,
    }
    assert stored_paths(fake_files) == {"d/a.txt", "d/b.txt"}


def test_a_copy_under_another_name_is_a_file_for_which_nothing_is_sent(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    for name in ("offer.txt", "copy of offer.txt"):
        (tmp_path / name).write_bytes(b"same")

    files_command("upload", "offer.txt")
    ran = files_command("upload", "copy of offer.txt")

    assert "(copy of offer.txt); nothing was sent" in ran.output
    assert stored_paths(fake_files) == {"/offer.txt", "/copy of offer.txt"}
    assert fake_files.s3.bytes_put == 4


# Rate and times


def test_the_rate_is_limited_in_both_directions(
    files_command: Command,
    fake_files: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "d").mkdir()
    write(tmp_path / "a.bin", 4000)
    write(tmp_path / "d" / "b.bin", 2000, 2)
    write(tmp_path / "d" / "c.bin", 3000, 3)
    waited: list[tuple[float | None, int]] = []
    monkeypatch.setattr(
        RateLimit, "wait", lambda limit, count, scope: waited.append((limit._limit, count))
    )

    for arguments in (["a.bin"], ["-r", "d"]):
        files_command("upload", "--limit-rate", "1.5M", *arguments)
    for arguments in (["-o", "b.bin", "a.bin"], ["-r", "d", "-o", "c"]):
        files_command("download", "--limit-rate", "512k", *arguments)

    half = 512 * 1024
    assert waited[0] == (1.5 * MIB, 4000)
    assert sorted(waited[1:3]) == [(1.5 * MIB, 2000), (1.5 * MIB, 3000)]
    assert waited[3] == (half, 4000)
    assert sorted(waited[4:]) == [(half, 2000), (half, 3000)]


def test_times_of_the_last_change_are_kept_unless_not_wanted(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    write(tmp_path / "a.bin", 10)
    os.utime(tmp_path / "a.bin", (0, 1_577_934_245))
    (up,) = files_command("upload", "--json", "a.bin").lines

    files_command("download", "-o", "kept.bin", "a.bin")
    files_command("download", "-o", "new.bin", "--no-mtime", "a.bin")

    assert up["modified_at"] == "2020-01-02T03:04:05.000Z"
    assert (tmp_path / "kept.bin").stat().st_mtime == 1_577_934_245
    assert (tmp_path / "new.bin").stat().st_mtime > 1_700_000_000
