"""`wideload download`."""

from __future__ import annotations

import fcntl
import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.running import FILE_MEMBERS, environment_of, on_a_terminal, start
from tests.fake_aws.files import MIB, FilesService
from tests.fake_aws.messages import problem


def test_download_under_its_own_name(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    content = random.Random(3).randbytes(3 * MIB)
    file = fake_files.add(content, name="Übersicht.pdf")

    ran = files_command("download", file["file_id"])

    assert (ran.status, ran.error) == (0, "")
    assert ran.output.startswith("Übersicht.pdf: 3 MB in ")
    assert (tmp_path / "Übersicht.pdf").read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


def test_download_to_a_path_a_directory_and_standard_output(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"content", name="a.txt")
    (tmp_path / "papers").mkdir()

    files_command("download", file["file_id"], "-o", "mine.txt")
    files_command("download", file["file_id"], "-o", "papers/")
    piped = files_command("download", file["file_id"], "-o", "-")

    assert (tmp_path / "mine.txt").read_bytes() == b"content"
    assert (tmp_path / "papers" / "a.txt").read_bytes() == b"content"
    assert (piped.output, piped.error) == ("content", "")


def test_download_json_has_stable_members(files_command: Command, fake_files: FilesService) -> None:
    file = fake_files.add(b"content", name="a.txt")

    (line,) = files_command("download", "--json", file["file_id"]).lines

    assert line.keys() == FILE_MEMBERS | {"path", "bytes_received", "resumed_bytes"}
    assert (line["path"], line["bytes_received"]) == ("a.txt", 7)


def test_a_file_that_exists_is_replaced_only_by_force(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"new", name="a.txt")
    (tmp_path / "a.txt").write_text("old")

    refused = files_command("download", file["file_id"])
    assert (tmp_path / "a.txt").read_text() == "old"
    forced = files_command("download", "--force", file["file_id"])

    assert refused.status == 2
    assert "a.txt: it exists already: add --force to replace it" in refused.error
    assert forced.status == 0
    assert (tmp_path / "a.txt").read_text() == "new"


def test_an_unknown_file_does_not_keep_others_from_being_downloaded(
    files_command: Command, fake_files: FilesService, tmp_path: Path
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
    files_command: Command, fake_files: FilesService
) -> None:
    ids = [fake_files.add(bytes([number]), name=f"{number}")["file_id"] for number in range(3)]
    fake_files.fail("GET /stage/files", problem(503, "unavailable"))

    ran = files_command("download", "--retries", "0", *ids)

    assert ran.status == 3
    assert "stopped: 2 more not downloaded" in ran.error
    assert len(fake_files.seen) == 1


def test_a_terminal_shows_names_and_a_total_of_downloads(
    fake_files: FilesService, tmp_path: Path
) -> None:
    ids = [
        fake_files.add(random.Random(seed).randbytes(4 * MIB), name=f"film-{seed}.mkv")["file_id"]
        for seed in range(2)
    ]
    fake_files.s3.during_get = lambda seen, at: time.sleep(0.01)

    shown = on_a_terminal(fake_files, "download", *ids, cwd=tmp_path)

    assert "downloading film-0.mkv" in shown
    assert "in all: 1 of 2 files" in shown
    assert "/8 MB" in shown
    assert "film-1.mkv: 4 MB in " in shown


def test_a_reader_that_leaves_is_no_traceback(fake_files: FilesService) -> None:
    file = fake_files.add(bytes(4 * MIB), name="zeros")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as broken:
        process = start(fake_files, "download", file["file_id"], "-o", "-", stdout=broken)
        _, error = process.communicate(timeout=120)

    assert (process.returncode, error) == (1, b"")


def test_a_name_can_not_steer_the_terminal_through_its_bar(
    fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(bytes(4 * MIB), name="a\x1b]0;mine\x07.bin")
    fake_files.s3.during_get = lambda seen, at: time.sleep(0.01)

    shown = on_a_terminal(fake_files, "download", file["file_id"], cwd=tmp_path)

    assert "downloading a?]0;mine?.bin" in shown
    assert "\x1b]0;mine" not in shown


@pytest.mark.parametrize("force", [True, False])
def test_files_of_one_name_in_one_run_are_numbered(
    files_command: Command, fake_files: FilesService, tmp_path: Path, force: bool
) -> None:
    contents = [b"first", b"second", b"third"]
    ids = [fake_files.add(content, name="a.txt")["file_id"] for content in contents]
    (tmp_path / "out").mkdir()

    ran = files_command("download", *ids, "-o", "out", "--json", *(["-f"] if force else []))

    assert [line["path"] for line in ran.lines] == [
        "out/a.txt",
        "out/a (2).txt",
        "out/a (3).txt",
    ]
    assert [Path(line["path"]).read_bytes() for line in ran.lines] == contents
    assert len(os.listdir(tmp_path / "out")) == 3


def test_force_does_not_replace_a_file_that_a_number_leads_to(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    ids = [
        fake_files.add(content, name="a.txt", folder=content.decode())["file_id"]
        for content in (b"one", b"two")
    ]
    (tmp_path / "a.txt").write_bytes(b"old")
    (tmp_path / "a (2).txt").write_bytes(b"mine")

    ran = files_command("download", "-f", "--json", *ids)

    assert [line["path"] for line in ran.lines] == ["a.txt", "a (3).txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"one"
    assert (tmp_path / "a (2).txt").read_bytes() == b"mine"
    assert (tmp_path / "a (3).txt").read_bytes() == b"two"


def test_the_same_run_again_gives_each_file_the_same_name(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    ids = [
        fake_files.add(content, name="a.txt", folder=content.decode())["file_id"]
        for content in (b"one", b"two")
    ]
    files_command("download", *ids)
    (tmp_path / "a (2).txt").unlink()  # as if the second had been interrupted

    again = files_command("download", "--json", *ids)

    exists, done = again.lines
    assert exists["error"]["type"] == "FileExistsError"
    assert done["path"] == "a (2).txt"
    assert (tmp_path / "a.txt").read_bytes() == b"one"
    assert (tmp_path / "a (2).txt").read_bytes() == b"two"


def test_what_is_in_the_way_is_named(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"content", name="a.txt")["file_id"]
    (tmp_path / "d" / "a.txt").mkdir(parents=True)
    (tmp_path / "p").mkdir()
    os.mkfifo(tmp_path / "p" / "a.txt")

    for options in ([], ["--force"]):
        directory = files_command("download", file, "-o", "d", *options)
        pipe = files_command("download", file, "-o", "p", *options)

        assert (directory.status, pipe.status) == (2, 2)
        assert directory.error == f"wideload: {file}: d/a.txt: it is a directory\n"
        assert pipe.error == (
            f"wideload: {file}: p/a.txt: it is a pipe, a socket or a device: it isn't replaced\n"
        )


def test_two_downloads_of_one_file_at_once(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"content", name="a.txt")["file_id"]
    part = tmp_path / f".a.txt.{file}.part"
    with part.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        ran = files_command("download", file, "--force")

    assert ran.status == 2
    assert ran.error == (
        f"wideload: {file}: {part.name}: another download of the same file to here is under way\n"
    )


@pytest.mark.parametrize("path", ["-", "/dev/stdout"])
@pytest.mark.parametrize("options", [[], ["--force"]])
def test_to_standard_output_that_is_a_pipe(
    fake_files: FilesService, path: str, options: list[str]
) -> None:
    file = fake_files.add(b"content", name="a.txt")["file_id"]

    process = start(fake_files, "download", file, "-o", path, *options)
    output, error = process.communicate(timeout=120)

    assert (process.returncode, output, error) == (0, b"content", b"")


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/stderr", "/dev/fd/2"])
def test_to_an_open_descriptor_that_is_a_file(
    fake_files: FilesService, tmp_path: Path, path: str
) -> None:
    file = fake_files.add(b"content", name="a.txt")["file_id"]
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before ")
        out.flush()
        process = start(fake_files, "download", file, "-o", path, "-fq", stdout=out, stderr=out)
        process.communicate(timeout=120)

    assert process.returncode == 0
    assert (tmp_path / "out").read_bytes() == b"before content"


def test_to_devices_and_process_substitution(fake_files: FilesService, tmp_path: Path) -> None:
    file = fake_files.add(b"content", name="a.txt")["file_id"]
    script = f"""
    {sys.executable} -m wideload download {file} -o /dev/null &&
    {sys.executable} -m wideload download {file} -f -o >(cat > out) && wait
    """

    ran = subprocess.run(
        ["bash", "-c", script],
        env=environment_of(fake_files),
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.startswith(b"/dev/null: 7 B in ")
    assert (tmp_path / "out").read_bytes() == b"content"
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_planted_link_is_not_followed_by_force(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"evil", name="report.pdf")["file_id"]
    (tmp_path / "bashrc").write_bytes(b"mine")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "report.pdf").symlink_to("../bashrc")

    ran = files_command("download", file, "-o", "papers", "--force")

    assert ran.status == 0
    assert (tmp_path / "bashrc").read_bytes() == b"mine"
    assert (tmp_path / "papers" / "report.pdf").read_bytes() == b"evil"


def test_a_file_is_found_by_its_name(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.add(b"report", name="report.pdf")
    fake_files.add(b"other", name="old report.pdf")
    fake_files.add(b"shout", name="REPORT.PDF")
    fake_files.add(b"plain", name="caf\u00e9")

    ran = files_command("download", "report.pdf", "cafe\u0301")  # as a Mac types it

    assert (ran.status, ran.error) == (0, "")
    assert (tmp_path / "report.pdf").read_bytes() == b"report"
    assert (tmp_path / "caf\u00e9").read_bytes() == b"plain"


def test_of_several_files_with_a_name_the_ids_are_listed(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    ids = [
        fake_files.add(content, name="a.txt", folder=content.decode())["file_id"]
        for content in (b"1", b"2")
    ]
    fake_files.add(b"3", name="b.txt")

    ran = files_command("download", "a.txt", "b.txt", "none.txt")

    assert ran.status == 2
    assert ran.error.splitlines() == [
        "wideload: a.txt: 2 of your files have this name: give the id or path of one: "
        f"{ids[1]} (2026-11-22, 2/a.txt), {ids[0]} (2026-11-22, 1/a.txt)",
        "wideload: there is no file none.txt",
    ]
    assert os.listdir(tmp_path) == ["b.txt"]


def test_an_id_is_asked_for_as_such(files_command: Command, fake_files: FilesService) -> None:
    unknown = "01JDF999999999999999999999"

    ran = files_command("download", unknown)

    assert (ran.status, ran.error) == (1, f"wideload: there is no file {unknown}\n")
    assert fake_files.api_requests == ["GET /stage/files/ID/download"]


def test_a_name_is_found_whatever_its_spaces_and_its_case(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.add(b"shot", name="Shot 9.41\u202fAM.png")
    fake_files.add(b"family", name="\u4e16\u3000\U0001f468\u200d\U0001f469")

    ran = files_command("download", "shot 9.41 am.PNG", "\u4e16\u3000\U0001f468\u200d\U0001f469")

    assert (ran.status, ran.error) == (0, "")
    assert (tmp_path / "Shot 9.41\u202fAM.png").read_bytes() == b"shot"
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize(
    "name", ["a//b", "../b", "a/b/", "a\x1bb", "a\u202eb", "a\udce9", "a" * 256]
)
def test_what_can_be_no_name_is_refused_before_anything_is_asked(
    files_command: Command, fake_files: FilesService, name: str
) -> None:
    ran = files_command("download", name)

    assert ran.status == 2
    assert "neither the id nor the path or name of a file" in ran.error
    assert fake_files.api_requests == []
