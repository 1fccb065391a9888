"""The command line, with a cloud that outlives the command which started it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import processes
from local.__main__ import main
from local.cloud import Cloud
from local.paths import ROOT
from local.ports import free_port

START = (
    "import sys; from pathlib import Path; from local.cloud import Cloud\n"
    "Cloud(Path(sys.argv[1]), port=int(sys.argv[2])).start()"
)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud that a process started which has ended since."""
    subprocess.run(
        [sys.executable, "-c", START, tmp_path, str(free_port())], cwd=ROOT, check=True, timeout=60
    )
    yield Cloud(tmp_path)
    Cloud(tmp_path).stop()


def test_status_then_down(started: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    members = started.processes()

    assert _run(started, "status") == 0
    assert f"up on {started.endpoint_url}" in capsys.readouterr().out

    assert _run(started, "down") == 0
    assert "ended" in capsys.readouterr().out
    assert members
    assert not any(processes.is_alive(process) for process in members)

    assert _run(started, "status") == 1
    assert "not up; `make local-up` starts it" in capsys.readouterr().out
    assert _run(started, "down") == 0
    assert "was not up" in capsys.readouterr().out


def test_env_prints_what_the_client_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = Cloud(tmp_path)
    assert _run(cloud, "env") == 1
    assert "nothing is deployed: `make local-up` first" in capsys.readouterr().err

    cloud.outputs_path.write_text(
        json.dumps(
            {
                "ca_bundle": "/a b/ca.pem",
                "ingest": {
                    "api_url": "https://localhost:1/$default",
                    "api_key_header": "x-api-key",
                    "api_key": "wl_1",
                },
                "files": {
                    "api_url": "https://localhost:2",
                    "users": [{"username": "ann", "password": "it's"}, {"username": "bob"}],
                },
            }
        )
    )
    assert _run(cloud, "env") == 0

    shown = subprocess.run(
        ["bash", "-c", 'eval "$1"; env', "bash", capsys.readouterr().out],
        env={},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert set(shown.splitlines()) >= {
        "WIDELOAD_CA_BUNDLE=/a b/ca.pem",
        "WIDELOAD_URL=https://localhost:1/$default",
        "WIDELOAD_API_KEY=wl_1",
        "WIDELOAD_API_KEY_HEADER=x-api-key",
        "WIDELOAD_FILES_URL=https://localhost:2",
        "WIDELOAD_USERNAME=ann",
        "WIDELOAD_PASSWORD=it's",
    }


def test_run_leads_a_command_to_it(cloud: Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    script = "import os; print(os.environ['AWS_ENDPOINT_URL']); raise SystemExit(7)"

    assert _run(cloud, "run", "--", sys.executable, "-c", script) == 7
    assert capfd.readouterr().out == f"{cloud.endpoint_url}\n"

    assert _run(cloud, "run") == 0
    assert json.loads(capfd.readouterr().out) == cloud.settings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "not-a-command"], "can't run not-a-command: No such file or directory"),
        (["logs", "not-a-function"], "Function not found"),
    ],
)
def test_a_wrong_name_is_an_error_of_one_line(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert _run(cloud, *arguments) == 1

    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    assert message in shown


def test_logs_shows_the_end_of_the_log(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(cloud, "logs", "-n", "3") == 0

    assert capsys.readouterr().out.count("\n") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "true"], "isn't up: `make local-up` starts it"),
        (["logs"], "there is no log yet"),
        (["up", "-c", "transit_days"], "-c transit_days is no setting: write -c name=value"),
        (["up", "-c", "=3"], "-c =3 is no setting"),
        (["up", "--port", "99999"], "99999 is no port"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["--directory", str(tmp_path), *arguments]) == 1

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err


def _run(cloud: Cloud, *arguments: str) -> int:
    return main(["--directory", str(cloud.directory), *arguments])
