"""The programs that the README shows, run as they stand."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from local.paths import node
from tests.integration.files.conftest import token_of

ROOT = Path(__file__).parents[2]


def run(cloud: Cloud, outputs: Outputs, *command: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "PATH": os.environ["PATH"],
        "WIDELOAD_URL": outputs["ingest"]["api_url"],
        "WIDELOAD_API_KEY": outputs["ingest"]["api_key"],
        "WIDELOAD_CA_BUNDLE": str(cloud.ca_bundle),
    }
    return subprocess.run(command, env=variables, text=True, capture_output=True, check=False)


def test_the_client_example_prints_what_it_stored(cloud: Cloud, outputs: Outputs) -> None:
    finished = run(cloud, outputs, sys.executable, str(ROOT / "examples/send_call_log.py"))

    assert finished.returncode == 0, finished.stderr
    receipt, document = finished.stdout.splitlines()
    assert receipt.endswith(" stored")
    assert document == '{"call_id":"c-1","transcript_with_metrics":[{"turn_id":"1"}]}'


def test_the_javascript_example_sends_inline_and_to_s3(
    cloud: Cloud, outputs: Outputs, tmp_path: Path
) -> None:
    turns = [secrets.token_urlsafe(1_000) for _ in range(5_000)]
    (tmp_path / "large.json").write_text(json.dumps({"transcript_with_metrics": turns}))
    shutil.copy(ROOT / "examples/javascript/send.js", tmp_path / "send.mjs")
    (tmp_path / "node_modules/@wideload").mkdir(parents=True)
    (tmp_path / "node_modules/@wideload/ingest").symlink_to(ROOT / "web/packages/ingest")

    def send(*arguments: str) -> list[str]:
        trust = f"NODE_EXTRA_CA_CERTS={cloud.ca_bundle}"
        program = (str(node()), str(tmp_path / "send.mjs"))
        finished = run(cloud, outputs, "env", trust, *program, *arguments)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.splitlines()

    inline, turn = send()
    to_s3, *read = send(str(tmp_path / "large.json"))

    assert inline.endswith(" stored inline")
    assert turn == "{ turn_id: '1' }"
    assert to_s3.endswith(" stored s3")
    assert read == turns[:3]


def test_the_cli_sends_and_gets(cloud: Cloud, outputs: Outputs, tmp_path: Path) -> None:
    wideload = str(Path(sys.executable).with_name("wideload"))
    call_log = tmp_path / "call.json"
    call_log.write_text('{"call_id": "from the shell"}')

    sent = run(cloud, outputs, wideload, "send", str(call_log))
    listed = run(cloud, outputs, wideload, "call-logs", "--call-id", "from the shell", "--json")

    assert sent.returncode == 0, sent.stderr
    assert listed.returncode == 0, listed.stderr
    assert '"call_id":"from the shell"' in listed.stdout.replace(": ", ":")


def test_the_files_example_uploads_and_downloads(
    cloud: Cloud, outputs: Outputs, tmp_path: Path
) -> None:
    film, copy = tmp_path / "film.bin", tmp_path / "copy.bin"
    film.write_bytes(secrets.token_bytes(100_000))
    variables = os.environ | {
        "WIDELOAD_URL": outputs["files"]["api_url"],
        "WIDELOAD_TOKEN": token_of(cloud, outputs, 0),
        "WIDELOAD_CA_BUNDLE": outputs["ca_bundle"],
    }
    program = [sys.executable, str(ROOT / "examples/transfer_file.py"), str(film), str(copy)]

    finished = subprocess.run(program, env=variables, text=True, capture_output=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith(" 100,000 bytes sent\n")
    assert copy.read_bytes() == film.read_bytes()


def test_the_doctor_finds_nothing_wrong_and_leaves_nothing_behind(
    cloud: Cloud, outputs: Outputs
) -> None:
    variables = {
        "WIDELOAD_URL": outputs["ingest"]["api_url"],
        "WIDELOAD_API_KEY": outputs["ingest"]["api_key"],
        "WIDELOAD_FILES_URL": outputs["files"]["api_url"],
        "WIDELOAD_TOKEN": token_of(cloud, outputs, 0),
        "WIDELOAD_CA_BUNDLE": outputs["ca_bundle"],
    }
    origin = outputs["web"]["url"]
    command = [sys.executable, "-m", "wideload", "doctor", "--json", "--origin", origin]

    finished = subprocess.run(
        command, env=os.environ | variables, text=True, capture_output=True, check=False
    )

    assert finished.returncode == 0, finished.stdout
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    amiss = [(line["url"], line["step"]) for line in found if line["status"] != "ok"]
    assert amiss == [(outputs["ingest"]["api_url"], "origin")]  # which lets no page in
    callers = [line["message"] for line in found if line["step"] == "caller"]
    assert callers[0] == f"{outputs['ingest']['api_key'][:15]}_… of tenant acme"
    uploads = [line["message"] for line in found if line["step"] == "upload"]
    assert uploads == [f"{size} bytes sent to localhost, and deleted again" for size in (22, 49)]


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("README.md", "ingest_app.py"),
        ("README.md", "send_call_log.py"),
        ("client/README.md", "transfer_file.py"),
    ],
)
def test_a_readme_shows_the_examples_as_they_are(page: str, name: str) -> None:
    program = (ROOT / "examples" / name).read_text()
    shown = program.split('"""\n', maxsplit=1)[1].strip()

    assert shown in (ROOT / page).read_text()
