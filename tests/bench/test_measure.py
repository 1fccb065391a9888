"""Commands are measured with the processes that they start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.first_byte import first_byte
from bench.shared.commands import SparseFile, upload, wideload
from bench.shared.ends import End
from bench.shared.measure import Failed, Figures, Run, interleave, run

_BURN = "import time\nwhile time.process_time() < 0.3: pass"


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_cpu_time_is_that_of_child_processes_too() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"

    assert run(python(code, _BURN), os.environ).cpu > 0.3


def test_the_peak_is_the_command_s_own() -> None:
    kept = b"x" * 200_000_000  # more than the command has
    code = "import time; kept = b'x' * 60_000_000; time.sleep(0.5); print(len(kept))"

    done = run(python(code), os.environ)

    assert 60_000_000 < done.peak < len(kept)
    assert done.output == b"60000000\n"


def test_a_command_that_fails_ends_the_benchmark_with_its_error() -> None:
    with pytest.raises(Failed, match=r"ended with 3: no bucket"):
        run(python("import sys; sys.stderr.write('no bucket'); sys.exit(3)"), os.environ)


def test_runs_are_interleaved_and_their_median_counts() -> None:
    order: list[str] = []
    seconds = {"a": iter([9.0, 1.0, 2.0]), "b": iter([4.0, 4.0, 4.0])}

    def once(name: str) -> Run:
        order.append(name)
        return Run(next(seconds[name]), cpu=1.0, peak=len(order))

    figures = interleave({"a": lambda: once("a"), "b": lambda: once("b")}, 3)

    assert order == ["a", "b"] * 3
    assert (figures["a"].seconds, figures["a"].peak) == (2.0, 5)
    assert figures["b"] == Figures([Run(4.0, 1.0, 2), Run(4.0, 1.0, 4), Run(4.0, 1.0, 6)])


def test_an_upload_that_does_not_send_all_fails(files_end: End, tmp_path: Path) -> None:
    file = SparseFile(tmp_path / "film", 10_000)
    file.renew()
    command = wideload("upload", "--json", str(file.path))

    assert upload(files_end, file, command)[0].seconds > 0

    with pytest.raises(Failed, match="wideload says: sent 0 of 10000 bytes"):
        upload(files_end, file, command)  # a duplicate
    with pytest.raises(Failed, match="of 10000 bytes, 0 arrived"):
        upload(files_end, file, python("pass"))


def test_the_first_byte_is_waited_for(files_end: End, tmp_path: Path) -> None:
    file = SparseFile(tmp_path / "film", 10_000)
    assert files_end.log is not None

    command = wideload("upload", "--json", str(file.path))
    assert first_byte(files_end, files_end.log, file, command).seconds > 0

    with pytest.raises(Failed, match="sent nothing"):
        first_byte(files_end, files_end.log, file, python("pass"))
