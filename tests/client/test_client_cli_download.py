"""`wideload download`."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from tests.client.conftest import Command
from tests.client.fake_files import MIB, FakeFiles
from tests.client.fake_server import problem
from tests.client.running import FILE_MEMBERS, on_a_terminal, start


def test_download_under_its_own_name(
    files_command: Command, fake_files: FakeFiles, tmp_path: Path
) -> None:
    content = random.Random(3).randbytes(3 * MIB)
    file = fake_files.add(content, name="Übersicht.pdf")

    ran = files_command("download", file["file_id"])

    assert (ran.status, ran.error) == (0, "")
    assert ran.output.startswith("Übersicht.pdf: 3.1 MB in ")
    assert (tmp_path / "Übersicht.pdf").read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


def test_download_to_a_path_a_directory_and_standard_output(
    files_command: Command, fake_files: FakeFiles, tmp_path: Path
) -> None:
    file = fake_files.add(b"content", name="a.txt")
    (tmp_path / "papers").mkdir()

    files_command("download", file["file_id"], "-o", "mine.txt")
    files_command("download", file["file_id"], "-o", "papers/")
    piped = files_command("download", file["file_id"], "-o", "-")

    assert (tmp_path / "mine.txt").read_bytes() == b"content"
    assert (tmp_path / "papers" / "a.txt").read_bytes() == b"content"
    assert (piped.output, piped.error) == ("content", "")


def test_download_json_has_stable_members(files_command: Command, fake_files: FakeFiles) -> None:
    file = fake_files.add(b"content", name="a.txt")

    (line,) = files_command("download", "--json", file["file_id"]).lines

    assert line.keys() == FILE_MEMBERS | {"path", "bytes_received", "resumed_bytes"}
    assert (line["path"], line["bytes_received"]) == ("a.txt", 7)


def test_a_file_that_exists_is_replaced_only_by_force(
    files_command: Command, fake_files: FakeFiles, tmp_path: Path
) -> None:
    file = fake_files.add(b"new", name="a.txt")
    (tmp_path / "a.txt").write_text("old")

    refused = files_command("download", file["file_id"])
    assert (tmp_path / "a.txt").read_text() == "old"
    forced = files_command("download", "--force", file["file_id"])

    assert refused.status == 2
    assert "a.txt exists: add --force to replace it" in refused.error
    assert forced.status == 0
    assert (tmp_path / "a.txt").read_text() == "new"


def test_an_unknown_file_does_not_keep_others_from_being_downloaded(
    files_command: Command, fake_files: FakeFiles, tmp_path: Path
) -> None:
    corrupt = fake_files.add(b"bad", name="bad.txt", corrupt=True)
    good = fake_files.add(b"good", name="good.txt")

    ran = files_command("download", "--json", "01JUNKNOWN", corrupt["file_id"], good["file_id"])

    unknown, bad, fine = ran.lines
    assert ran.status == 1
    assert (unknown["file_id"], unknown["error"]["code"]) == ("01JUNKNOWN", "unknown_file")
    assert bad["error"]["code"] == "corrupt"
    assert fine["path"] == "good.txt"
    assert ran.error.count("\n") == 2


def test_trouble_with_the_service_keeps_the_rest_from_being_downloaded(
    files_command: Command, fake_files: FakeFiles
) -> None:
    ids = [fake_files.add(bytes([number]), name=f"{number}")["file_id"] for number in range(3)]
    fake_files.fail("GET /stage/files", problem(503, "unavailable"))

    ran = files_command("download", "--retries", "0", *ids)

    assert ran.status == 3
    assert "stopped: 2 more not downloaded" in ran.error
    assert len(fake_files.seen) == 1


def test_a_terminal_shows_names_and_a_total_of_downloads(
    fake_files: FakeFiles, tmp_path: Path
) -> None:
    ids = [
        fake_files.add(random.Random(seed).randbytes(8 * MIB), name=f"film-{seed}.mkv")["file_id"]
        for seed in range(2)
    ]
    fake_files.s3.during_get = lambda seen, at: time.sleep(0.01)

    shown = on_a_terminal(fake_files, "download", *ids, cwd=tmp_path)

    assert "downloading film-0.mkv" in shown
    assert "in all: 1 of 2 files" in shown
    assert "16.8 MB" in shown
    assert "film-1.mkv: 8.4 MB in " in shown


def test_a_reader_that_leaves_is_no_traceback(fake_files: FakeFiles) -> None:
    file = fake_files.add(bytes(4 * MIB), name="zeros")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as broken:
        process = start(fake_files, "download", file["file_id"], "-o", "-", stdout=broken)
        _, error = process.communicate(timeout=30)

    assert (process.returncode, error) == (1, b"")


def test_a_name_can_not_steer_the_terminal_through_its_bar(
    fake_files: FakeFiles, tmp_path: Path
) -> None:
    file = fake_files.add(bytes(4 * MIB), name="a\x1b]0;mine\x07.bin")
    fake_files.s3.during_get = lambda seen, at: time.sleep(0.01)

    shown = on_a_terminal(fake_files, "download", file["file_id"], cwd=tmp_path)

    assert "downloading a?]0;mine?.bin" in shown
    assert "\x1b]0;mine" not in shown
