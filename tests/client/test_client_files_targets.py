"""Targets of downloads: links, pipes, files of other users, and equal names."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

import wideload
from tests.client.transfer_samples import RANGE, bytes_of
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import Seen

pytestmark = pytest.mark.usefixtures("small_ranges")


@pytest.mark.parametrize("leads_to", ["file", "directory", "nowhere"])
def test_a_link_of_the_files_name_is_replaced_and_never_followed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, leads_to: str
) -> None:
    file = files_server.add(b"content", "report.pdf")
    victim, papers = tmp_path / "victim", tmp_path / "papers"
    papers.mkdir()
    if leads_to == "file":
        victim.write_bytes(b"mine")
    elif leads_to == "directory":
        victim.mkdir()
    (papers / "report.pdf").symlink_to(victim)

    with pytest.raises(FileExistsError):
        person.files.download(file["file_id"], papers)
    done = person.files.download(file["file_id"], papers, overwrite=True)

    assert done.path == papers / "report.pdf"
    assert not done.path.is_symlink()
    assert done.path.read_bytes() == b"content"
    assert os.listdir(papers) == ["report.pdf"]
    if leads_to == "file":
        assert victim.read_bytes() == b"mine"
    elif leads_to == "directory":
        assert os.listdir(victim) == []
    else:
        assert not victim.exists()


def test_a_partial_file_of_another_user_is_refused(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = files_server.add(b"content", "a")
    planted = tmp_path / f".a.{file['file_id']}.part"
    planted.touch()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)

    with pytest.raises(PermissionError, match="it belongs to another user: remove it") as raised:
        person.files.download(file["file_id"], tmp_path)

    assert raised.value.filename == str(planted)
    assert planted.read_bytes() == b""


@pytest.mark.parametrize("planted", ["link", "pipe"])
def test_a_partial_file_that_is_no_regular_file_is_refused(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, planted: str
) -> None:
    file = files_server.add(b"content", "a")
    part = tmp_path / f".a.{file['file_id']}.part"
    (tmp_path / "victim").write_bytes(b"mine")
    if planted == "link":
        part.symlink_to("victim")
    else:
        os.mkfifo(part)

    with pytest.raises(PermissionError, match="a link or no regular file: remove it") as raised:
        person.files.download(file["file_id"], tmp_path)

    assert raised.value.filename == str(part)
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_a_partial_file_is_for_its_user_alone(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(bytes_of(2 * RANGE), "a")
    modes: list[int] = []

    def look(seen: Seen, at: int) -> None:
        (part,) = tmp_path.iterdir()
        modes.append(stat.S_IMODE(part.stat().st_mode))

    files_server.s3.during_get = look

    person.files.download(file["file_id"], tmp_path)

    assert set(modes) == {0o600}


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_gets_the_permissions_of_any_new_file(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, mask: int
) -> None:
    file = files_server.add(b"content", "a")
    before = os.umask(mask)
    try:
        person.files.download(file["file_id"], tmp_path)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("to", ["", "a", "link"])
def test_a_file_that_is_replaced_passes_its_permissions_on(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, to: str
) -> None:
    file = files_server.add(b"content", "a")
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "a").chmod(0o4750)

    person.files.download(file["file_id"], tmp_path / to, overwrite=True)

    assert (tmp_path / "a").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750  # never of foreign power


def test_to_a_named_pipe_it_goes_in_order(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(content := bytes_of(5 * RANGE + 1))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()

    done = person.files.download(file["file_id"], pipe)
    reader.join(120)

    assert got == [content]
    assert done.path == pipe
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_to_a_device_it_is_written_and_stays_one(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, overwrite: bool
) -> None:
    file = files_server.add(b"content")
    (tmp_path / "null").symlink_to(os.devnull)

    done = person.files.download(file["file_id"], tmp_path / "null", overwrite=overwrite)

    assert done.bytes_received == 7
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert (tmp_path / "null").is_symlink()


@pytest.mark.parametrize("kind", ["pipe", "directory"])
def test_a_target_in_a_directory_that_is_no_regular_file_is_refused(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, kind: str
) -> None:
    file = files_server.add(b"content", "a")
    if kind == "pipe":
        os.mkfifo(tmp_path / "a")
    else:
        (tmp_path / "a").mkdir()

    for overwrite in (False, True):
        with pytest.raises(OSError, match=f"it is a {kind}") as raised:
            person.files.download(file["file_id"], tmp_path, overwrite=overwrite)
        assert not isinstance(raised.value, FileExistsError)

    assert os.listdir(tmp_path) == ["a"]
    assert files_server.requests("GET /s3/") == []


def test_names_in_one_folder_are_numbered_as_browsers_do(tmp_path: Path) -> None:
    from wideload._files.target import Folder

    folder = Folder(tmp_path)

    places = [
        folder.place(name)
        for name in ("a.txt", "b", "a.txt", "../a.txt", "a (2).txt", "b", ".rc", ".rc")
    ]
    long = [folder.place("x" * 255 + ".tar") for _ in range(2)]

    assert [path.name for path in places] == [
        "a.txt",
        "b",
        "a (2).txt",
        "a (3).txt",
        "a (2) (2).txt",
        "b (2)",
        ".rc",
        ".rc (2)",
    ]
    assert long[1].name == "x" * 247 + " (2).tar"


def test_names_that_are_one_file_to_the_file_system_are_numbered_too(tmp_path: Path) -> None:
    from wideload._files.target import Folder

    folder = Folder(tmp_path)
    first = folder.place("Report.pdf")
    first.touch()
    os.link(first, tmp_path / "report.pdf")  # as both names are on a Mac

    assert folder.place("report.pdf").name == "report (2).pdf"
    assert folder.place("REPORT.pdf").name == "REPORT.pdf"


def test_a_stream_is_told_apart_from_a_file_object(
    person: wideload.Client, files_server: FilesService
) -> None:
    file = files_server.add(b"content")
    reading, writing = os.pipe()
    with open(reading, "rb") as got, open(writing, "wb") as pipe:
        done = person.files.download(file["file_id"], f"/dev/fd/{pipe.fileno()}")
        pipe.close()
        assert got.read() == b"content"

    assert done.path == Path(f"/dev/fd/{writing}")
    assert person.files.download(file["file_id"], io.BytesIO()).path is None
