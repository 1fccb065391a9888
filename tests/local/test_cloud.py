"""Starting and stopping: what a person runs into, with real processes."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from local import processes
from local.cloud import Cloud
from local.errors import CloudError
from local.paths import ROOT
from local.ports import DEFAULT_PORT, free_port

T = TypeVar("T")


def test_it_answers_aws_calls_over_tls(cloud: Cloud) -> None:
    identity = cloud.client("sts").get_caller_identity()

    assert identity["Account"] == "000000000000"
    assert cloud.endpoint_url == f"https://localhost:{cloud.port}"


def test_plain_http_is_refused(cloud: Cloud) -> None:
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=60) as connection:
        connection.sendall(b"GET /_ministack/ready HTTP/1.0\r\n\r\n")
        assert not connection.recv(100).startswith(b"HTTP/")


def test_a_wrong_secret_is_refused(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="someone")
    key = iam.create_access_key(UserName="someone")["AccessKey"]
    someone = cloud.client(
        "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key="wrong"
    )

    with pytest.raises(someone.exceptions.ClientError, match="SignatureDoesNotMatch"):
        someone.list_buckets()


def test_clients_ignore_the_developers_own_settings(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_child_processes_get_this_cloud_and_none_of_the_developers_own(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ssl/cert.pem")
    monkeypatch.setenv("KEPT", "yes")

    environment = cloud.environment

    assert "AWS_PROFILE" not in environment
    assert "https_proxy" not in environment
    assert environment["SSL_CERT_FILE"] == str(cloud.ca_bundle)
    assert environment["NODE_EXTRA_CA_CERTS"] == str(cloud.ca_bundle)
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert environment["KEPT"] == "yes"


def test_the_server_gets_a_clean_environment(cloud: Cloud) -> None:
    assert cloud.server is not None
    environment = cloud.server.environ()

    assert "PYTHONPATH" not in environment
    assert "AWS_PROFILE" not in environment
    assert environment["AUTH"] == "true"
    assert environment["TMPDIR"] == environment["HOME"] == str(cloud.temporary_directory)


def test_the_keys_that_sign_tokens_stay_in_its_directory(cloud: Cloud) -> None:
    cloud.client("cognito-idp").create_user_pool(PoolName="tried")

    kept = [path.name for path in cloud.temporary_directory.rglob("*.pem")]
    assert "cognito-rsa-key.pem" in kept


def test_started_twice_it_is_reused(cloud: Cloud) -> None:
    again = Cloud(cloud.directory)

    assert again.start() is False
    assert again.port == cloud.port
    assert again.processes() == cloud.processes()


def test_a_context_leaves_up_what_it_found_up(cloud: Cloud) -> None:
    with Cloud(cloud.directory):
        pass

    assert cloud.running


def test_started_again_on_another_port_says_which_one_it_is_on(cloud: Cloud) -> None:
    other = Cloud(cloud.directory, port=free_port())

    with pytest.raises(CloudError, match=rf"on port {cloud.port}: `make local-down` ends it"):
        other.start()

    assert cloud.running


def test_a_port_that_is_taken_names_the_variable_that_changes_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        cloud = Cloud(tmp_path, port=other.getsockname()[1])

        with pytest.raises(CloudError, match=rf"port {cloud.port} .* WIDELOAD_LOCAL_PORT=\d+"):
            cloud.start()

    assert not cloud.running
    assert not (tmp_path / "cloud.json").exists()


def test_two_clouds_run_side_by_side(cloud: Cloud, tmp_path: Path) -> None:
    with Cloud(tmp_path, port=free_port()) as other:
        other.client("s3").create_bucket(Bucket="only-in-the-other")

        names = {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}
        assert "only-in-the-other" not in names
        assert other.processes() != cloud.processes()

    assert cloud.running


def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho first; echo the reason >&2; exit 3\n")
    python.chmod(0o755)
    cloud = Cloud(tmp_path, port=free_port(), python=python)

    with pytest.raises(CloudError) as caught:
        cloud.start()

    assert "the embedded cloud ended with status 3; its log" in str(caught.value)
    assert f"{cloud.log_path}, ends with:\n    first\n    the reason" in str(caught.value)
    assert cloud.log_path.exists()
    assert not (tmp_path / "cloud.json").exists()


def test_a_start_that_hangs_is_given_up_and_leaves_no_process(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho waiting; exec sleep 60\n")
    python.chmod(0o755)
    cloud = Cloud(tmp_path, port=free_port(), python=python)
    before = _children()

    with pytest.raises(CloudError, match=r"didn't answer within 0\.3 s(.|\n)*waiting"):
        cloud.start(timeout=0.3)

    assert _children() == before


def test_one_that_hangs_is_not_reused(tmp_path: Path) -> None:
    with Cloud(tmp_path, port=free_port()) as cloud:
        server = cloud.server
        assert server is not None
        server.suspend()

        with pytest.raises(CloudError, match=r"didn't answer .* `make local-down` ends it"):
            Cloud(tmp_path).start(timeout=0.3)

        assert cloud.running
        assert cloud.stop() is True


def test_not_installed_says_what_installs_it(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, port=free_port(), python=tmp_path / "missing")

    with pytest.raises(CloudError, match=r"missing.*`make local-up` installs"):
        cloud.start()


def test_stop_ends_the_server_and_its_function_workers(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, port=free_port())
    with cloud:
        name = _make_function(cloud, "import time\ndef handler(event, context): return event")
        cloud.client("lambda").invoke(FunctionName=name, Payload=b'{"a": 1}')
        members = cloud.processes()
        assert [worker.pid for worker in cloud.function_processes(name)] == [members[1].pid]

        assert cloud.stop() is True

        assert not any(processes.is_alive(process) for process in members)
        assert not cloud.running
        assert cloud.stop() is False
    assert not cloud.temporary_directory.exists()
    assert cloud.log_path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_memory_of_a_function_is_seen_after_it_freed_it(cloud: Cloud) -> None:
    source = "def handler(event, context): return len(bytearray(event['bytes']))"
    name = _make_function(cloud, source)
    for size in (1, 200 * 2**20):
        payload = json.dumps({"bytes": size})
        cloud.client("lambda").invoke(FunctionName=name, Payload=payload)
        (worker,) = cloud.function_processes(name)
        peak = processes.peak_memory(worker)
        assert (peak > 200 * 2**20) == (size > 1)
    assert processes.resident_memory(worker) < 100 * 2**20


def _start_anew_and_stop(cloud: Cloud) -> None:
    with cloud:
        pass


@pytest.mark.parametrize("end", [Cloud.stop, _start_anew_and_stop])
def test_workers_that_outlived_their_server_are_ended(
    tmp_path: Path, end: Callable[[Cloud], object]
) -> None:
    with Cloud(tmp_path, port=free_port()) as cloud:
        name = _make_function(cloud, "import time\ndef handler(event, context): time.sleep(60)")
        cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event")
        _wait_for(lambda: cloud.function_processes(name))
        server, worker = cloud.processes()
        assert server == cloud.server
        server.kill()
        server.wait(60)
        assert processes.is_alive(worker)
        assert not cloud.running

        end(Cloud(tmp_path, port=free_port()))

        assert not processes.is_alive(worker)


def test_a_record_of_a_cloud_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    record = {"mark": "gone", "port": free_port(), "pid": os.getpid()}
    (tmp_path / "cloud.json").write_text(json.dumps(record))
    (tmp_path / "outputs.json").write_text("{}")
    cloud = Cloud(tmp_path)

    assert not cloud.running
    assert cloud.stop() is False
    assert not (tmp_path / "outputs.json").exists()


def test_it_starts_over_a_record_of_a_cloud_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text(json.dumps({"mark": "gone", "port": 1}))
    port = free_port()

    with Cloud(tmp_path, port=port) as cloud:
        assert cloud.port == port
        assert cloud.running


def test_a_record_that_is_cut_short_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text('{"mark": "x')

    assert not Cloud(tmp_path).running


def test_it_ends_when_the_process_that_owns_it_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from local.cloud import Cloud, free_port\n"
        "with Cloud(Path(sys.argv[1]), port=free_port()): print('up', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        cloud = Cloud(tmp_path)
        assert cloud.running

        owner.send_signal(signal.SIGKILL)
        owner.wait(60)

        _wait_for(lambda: not cloud.running)


def test_the_port_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDELOAD_LOCAL_PORT", raising=False)
    assert Cloud(tmp_path).port == DEFAULT_PORT == 4566

    monkeypatch.setenv("WIDELOAD_LOCAL_PORT", "4700")
    assert Cloud(tmp_path).port == 4700
    assert Cloud(tmp_path, port=4800).port == 4800


@pytest.mark.parametrize("value", ["x", "0", "65536", "-1", "4566 ", "²"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WIDELOAD_LOCAL_PORT", value)

    with pytest.raises(CloudError, match=f"{value} is no port: give a number from 1 to 65535"):
        Cloud()


@pytest.fixture
def stubborn() -> Iterator[tuple[str, psutil.Process]]:
    """A process that carries a mark and ignores SIGTERM."""
    mark = "stubborn"
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {processes.MARK: mark},
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield mark, psutil.Process(child.pid)
        child.kill()


def test_a_process_that_ignores_sigterm_is_killed(stubborn: tuple[str, psutil.Process]) -> None:
    mark, process = stubborn

    assert processes.end(mark, patience=0.2) == []

    assert not processes.is_alive(process)


def test_a_process_with_another_mark_is_left_alone(stubborn: tuple[str, psutil.Process]) -> None:
    _, process = stubborn

    assert processes.end("another", patience=0.2) == []

    assert processes.is_alive(process)


def _children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def _wait_for(look: Callable[[], T]) -> T:
    deadline = time.monotonic() + 60
    while not (seen := look()):
        assert time.monotonic() < deadline, "it didn't happen within 60 s"
        time.sleep(0.05)
    return seen


def _make_function(cloud: Cloud, source: str) -> str:
    """Create a function whose module is `source` and wait until it can be called."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", source)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = cloud.client("iam").create_role(
        RoleName="function",
        AssumeRolePolicyDocument=json.dumps({"Statement": [trust | {"Action": "sts:AssumeRole"}]}),
    )
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName="tried",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code.getvalue()},
        Timeout=60,
    )
    _wait_for(
        lambda: functions.get_function_configuration(FunctionName="tried")["State"] == "Active"
    )
    return "tried"
