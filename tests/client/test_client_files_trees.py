"""Directories with everything in them: uploaded as folders, and downloaded again."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import problem
from wideload._files import target_tree
from wideload._files.models import FileInfo, FolderInfo
from wideload._files.target import Folder
from wideload._files.target_tree import TargetTree

_FILES = {
    "a.txt": b"a",
    ".hidden": b"hidden",
    "b/a.txt": b"another a",
    "b/c/copy of a.txt": b"a",
    "b/c/film.bin": bytes_of(5 * PART),
    "ü/empty": b"",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory `tree` with files and an empty directory."""
    return _make(tmp_path / "tree", _FILES, "b/none", "e/f")


def _make(top: Path, files: dict[str, bytes], *directories: str) -> Path:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
        os.utime(top / name, ns=(0, 1_577_934_245_678_000_000))
    for name in directories:
        (top / name).mkdir(parents=True, exist_ok=True)
    return top


def _found(top: Path) -> dict[str, bytes | None]:
    """Content of each file below a directory; None for directories."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
    }


def _stored(server: FilesService) -> dict[str, bytes]:
    return {
        f"{file['folder']}:{file['name']}": server.content(file_id)
        for file_id, file in server.files.items()
    }


def test_a_tree_is_uploaded_and_downloaded_again(
    person: wideload.Client, files_server: FilesService, tree: Path, tmp_path: Path
) -> None:
    up = list(person.files.upload_tree(tree, folder="t"))
    down = list(person.files.download_tree("t", tmp_path / "copy"))

    assert [one.error for one in (*up, *down)] == [None] * (8 + 12)
    assert {one.index for one in up} == set(range(8))
    assert _found(tmp_path / "copy") == _found(tree)
    assert _stored(files_server) == {
        "t:a.txt": b"a",
        "t:.hidden": b"hidden",
        "t/b:a.txt": b"another a",
        "t/b/c:copy of a.txt": b"a",
        "t/b/c:film.bin": _FILES["b/c/film.bin"],
        "t/ü:empty": b"",
    }
    assert files_server.s3.bytes_put == sum(map(len, _FILES.values())) - len(b"a")
    assert (tmp_path / "copy" / "a.txt").stat().st_mtime_ns == 1_577_934_245_678_000_000


def test_a_second_upload_of_a_tree_sends_nothing(
    person: wideload.Client, files_server: FilesService, tree: Path
) -> None:
    list(person.files.upload_tree(tree))
    before = files_server.files
    sent = files_server.s3.bytes_put

    again = list(person.files.upload_tree(f"{tree}/"))

    assert all(one.result.duplicate for one in again if one.result)
    assert files_server.files == before
    assert files_server.s3.bytes_put == sent


def test_a_second_download_of_a_tree_asks_for_no_content(
    person: wideload.Client, files_server: FilesService, tree: Path, tmp_path: Path
) -> None:
    list(person.files.upload_tree(tree, folder="t"))
    list(person.files.download_tree("t", tmp_path / "copy"))
    (tmp_path / "copy" / "b" / "a.txt").unlink()
    del files_server.seen[:]

    again = [one.result for one in person.files.download_tree("t", tmp_path / "copy") if one.result]

    assert _found(tmp_path / "copy") == _found(tree)
    assert sum(one.bytes_received for one in again) == len(b"another a")
    assert sum(one.resumed_bytes for one in again) == sum(map(len, _FILES.values())) - 9
    assert len(files_server.requests("GET /s3/")) == 1


def test_files_of_other_content_are_kept_unless_asked_otherwise(
    person: wideload.Client, files_server: FilesService, tree: Path, tmp_path: Path
) -> None:
    list(person.files.upload_tree(tree, folder="t"))
    copy = _make(tmp_path / "copy", {"b/a.txt": b"my own a"})

    errors = [one.error for one in person.files.download_tree("t", copy) if one.error]
    assert [type(error) for error in errors] == [FileExistsError]
    assert (copy / "b" / "a.txt").read_bytes() == b"my own a"
    assert (copy / "a.txt").read_bytes() == b"a"

    over = list(person.files.download_tree("t", copy, overwrite=True))
    assert not any(one.error for one in over)
    assert _found(copy) == _found(tree)


def test_what_is_no_file_is_skipped_and_told(
    person: wideload.Client, files_server: FilesService, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "link").symlink_to("a.txt")
    (tree / "e" / "up").symlink_to("..")
    os.mkfifo(tree / "pipe")
    (tree / "Thumbs.db").write_bytes(b"x")
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    skipped: list[tuple[str, str]] = []

    list(person.files.upload_tree(".", skipped=lambda *both: skipped.append(both)))

    assert sorted(skipped) == [
        ("./Thumbs.db", "system"),
        ("./e/up", "link"),
        ("./link", "link"),
        ("./pipe", "special"),
        ("./socket", "special"),
    ]
    assert ":a.txt" in _stored(files_server)
    assert len(files_server.files) == len(_FILES)


def test_links_are_followed_if_asked_for_but_not_in_circles(
    person: wideload.Client, files_server: FilesService, tree: Path
) -> None:
    (tree / "e" / "up").symlink_to("..")
    (tree / "e" / "link").symlink_to("../a.txt")
    skipped: list[tuple[str, str]] = []

    list(
        person.files.upload_tree(
            tree, folder="t", follow_links=True, skipped=lambda *both: skipped.append(both)
        )
    )

    assert skipped == [(f"{tree}/e/up", "again")]
    assert _stored(files_server)["t/e:link"] == b"a"


def test_what_the_api_can_not_take_is_told_one_by_one_and_the_rest_goes_on(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    tree = _make(
        tmp_path / "tree", {"a\\b/x": b"1", "c\nd": b"2", "ok": b"3", "e/" * 31 + "x": b"4"}
    )
    os.mkdir(os.fsencode(tree) + b"/caf\xe9")
    (tree / os.fsdecode(b"caf\xe9") / "y").write_bytes(b"5")

    ends = {str(one.source): one for one in person.files.upload_tree(tree, folder="t/u")}

    failed = {name.removeprefix(f"{tree}/"): end.error for name, end in ends.items() if end.error}
    assert failed.keys() == {"a\\b", "c\nd", "e/" * 30 + "e"}
    assert all(isinstance(error, wideload.ConfigurationError) for error in failed.values())
    assert "the folder 't/u/a\\\\b' can't be made" in str(failed["a\\b"])
    assert _stored(files_server) == {"t/u:ok": b"3", "t/u/caf\ufffd:y": b"5"}


def test_a_directory_that_can_not_be_read_is_told(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    ends = list(person.files.upload_tree(tmp_path / "none", folder="t"))

    assert [type(end.error) for end in ends] == [FileNotFoundError]
    assert files_server.seen == []


def test_a_folder_that_can_not_be_made_is_told(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    _make(tmp_path / "tree", {}, "a", "b")
    files_server.fail("POST /stage/files/folders", problem(400, "invalid_name"))

    ends = list(person.files.upload_tree(tmp_path / "tree"))

    assert [type(end.error) for end in ends] == [wideload.FileRefusedError, type(None)]
    assert [folder.folder for folder in person.files.folders()] == ["b"]


def test_no_name_leads_out_of_the_directory(tmp_path: Path) -> None:
    tree = TargetTree(tmp_path / "d", "t")
    names = ["..", "../..", "/etc", "", ".", "x/../../y", "C:\\x", "a\0b"]

    for name in names:
        for item in (_folder(f"t/{name}"), _file(f"t/{name}", name)):
            path = os.path.normpath(tree.place(item))
            assert path == f"{tmp_path}/d" or path.startswith(f"{tmp_path}/d/"), name
    with pytest.raises(wideload.ConfigurationError):
        tree.place(_file("other", "x"))
    with pytest.raises(wideload.ConfigurationError):
        tree.place(_file("tt", "x"))
    assert os.listdir(tmp_path) == ["d"]


def test_a_link_in_the_directory_is_not_followed(
    person: wideload.Client, files_server: FilesService, tree: Path, tmp_path: Path
) -> None:
    list(person.files.upload_tree(tree, folder="t"))
    outside = _make(tmp_path / "outside", {})
    outside.mkdir()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "b").symlink_to(outside)

    ends = list(person.files.download_tree("t", copy))

    failed = [end for end in ends if end.error]
    assert {end.item.folder for end in failed} == {"t/b", "t/b/c", "t/b/none"}
    assert all(isinstance(end.error, NotADirectoryError) for end in failed)
    assert os.listdir(outside) == []
    assert (copy / "a.txt").read_bytes() == b"a"


def test_names_that_differ_only_in_case_are_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [
        _folder("t/Photos"),
        _folder("t/photos"),
        _file("t/Photos", "A.jpg"),
        _file("t/photos", "A.jpg"),
        _file("t/photos", "a.JPG"),
        _file("t", "PHOTOS"),
    ]

    on_linux = [str(TargetTree(tmp_path / "l", "t").place(item)) for item in items]
    monkeypatch.setattr(target_tree, "ignores_case", lambda directory: True)
    tree = TargetTree(tmp_path / "w", "t")
    elsewhere = [str(tree.place(item)) for item in items]

    assert [path.removeprefix(f"{tmp_path}/l/") for path in on_linux] == [
        "Photos",
        "photos",
        "Photos/A.jpg",
        "photos/A.jpg",
        "photos/a.JPG",
        "PHOTOS",
    ]
    assert [path.removeprefix(f"{tmp_path}/w/") for path in elsewhere] == [
        "Photos",
        "photos (2)",
        "Photos/A.jpg",
        "photos (2)/A.jpg",
        "photos (2)/a (2).JPG",
        "PHOTOS (3)",
    ]


def test_whether_a_file_system_ignores_case_is_tried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    exists = os.path.lexists

    def ignoring(path: str) -> bool:
        seen.append(path)
        names = {name.casefold() for name in os.listdir(tmp_path)}
        return os.path.basename(path).casefold() in names

    assert target_tree.ignores_case(str(tmp_path)) is False
    monkeypatch.setattr(os.path, "lexists", ignoring)
    assert target_tree.ignores_case(str(tmp_path)) is True
    monkeypatch.setattr(os.path, "lexists", exists)
    assert len(seen) == 1
    assert os.listdir(tmp_path) == []


def test_a_file_and_a_folder_of_one_name_are_both_downloaded(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.add(b"file", "x", folder="t")
    files_server.add(b"inner", "y", folder="t/x")

    list(person.files.download_tree("t", tmp_path))

    assert _found(tmp_path) == {"x": b"file", "x (2)": None, "x (2)/y": b"inner"}


def test_windows_devices_are_no_directories_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path)

    assert folder.place("con").name in {"con", "_con"}  # as the system that runs this allows
    assert os.path.basename(Folder(tmp_path).make("a/../b")) == "b"


def test_a_tree_is_downloaded_over_all_connections_and_no_more(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    for number in range(30):
        files_server.add(bytes_of(3000, number), f"{number}", folder="t")
    threads: set[int] = set()

    def progress(*told: int) -> None:
        threads.add(threading.get_ident())

    ends = list(person.files.download_tree("t", tmp_path, parallel=3, progress=progress))

    assert len(ends) == 30
    assert files_server.s3.most_at_once <= 3
    assert threads == {threading.get_ident()}


def test_one_that_can_not_be_downloaded_does_not_stop_the_others(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    for number in range(5):
        files_server.add(b"%d" % number, f"{number}", folder="t")
    corrupt = files_server.add(b"corrupt", "bad", folder="t", corrupt=True)

    ends = list(person.files.download_tree("t", tmp_path))

    (failed,) = [end for end in ends if end.error]
    assert isinstance(failed.error, wideload.ConflictError)
    assert failed.error.file_id == corrupt["file_id"]
    assert len(_found(tmp_path)) == 5


def test_a_cancelled_download_goes_on_where_it_stopped(
    files_server: FilesService, tmp_path: Path
) -> None:
    for number in range(20):
        files_server.add(bytes_of(3000, number), f"{number}", folder="t")
    cancel = wideload.Cancel()

    with wideload.Client(files_server.url, token=TOKEN) as person:
        ends = []
        for end in person.files.download_tree("t", tmp_path, parallel=2, cancel=cancel):
            ends.append(end)
            if len(ends) == 5:
                cancel.cancel()
        got = {end.index for end in ends if end.result}
        assert 5 <= len(got) < 20
        assert all(isinstance(end.error, wideload.CancelledError) for end in ends if not end.result)

        rest = list(person.files.download_tree("t", tmp_path))

    assert not any(end.error for end in rest)
    received = {end.index for end in rest if end.result and end.result.bytes_received}
    assert received.isdisjoint(got)
    assert len(_found(tmp_path)) == 20


def test_items_can_be_chosen(
    person: wideload.Client, files_server: FilesService, tree: Path, tmp_path: Path
) -> None:
    list(person.files.upload_tree(tree, folder="t"))
    texts = [one for one in person.files.walk("t") if one.name.endswith(".txt")]

    list(person.files.download_tree("t", tmp_path / "copy", items=texts))

    assert sorted(name for name, content in _found(tmp_path / "copy").items() if content) == [
        "a.txt",
        "b/a.txt",
        "b/c/copy of a.txt",
    ]


def test_a_folder_that_is_not_there(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    with pytest.raises(wideload.NotFoundError) as raised:
        list(person.files.download_tree("none", tmp_path / "copy"))

    assert raised.value.code == "unknown_folder"


def test_closing_the_iterator_ends_a_download(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    for number in range(40):
        files_server.add(b"%d" % number, f"{number}", folder="t")

    ends: Any = person.files.download_tree("t", tmp_path)
    next(ends)
    ends.close()
    count = len(_found(tmp_path))

    assert 1 <= count < 40
    assert not [thread for thread in threading.enumerate() if thread.name == "wideload-many"]


def _file(folder: str, name: str) -> FileInfo:
    return FileInfo(
        file_id="01J",
        folder=folder,
        name=name,
        size=1,
        content_type="text/plain",
        sha256="0" * 64,
        verified=True,
        created_at="2026-11-22T09:00:00Z",
    )


def _folder(folder: str) -> FolderInfo:
    return FolderInfo(folder=folder, name=folder, created_at="2026-11-22T09:00:00Z")
