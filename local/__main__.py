"""The embedded cloud from the command line: up, down, status, logs, env, run, demo.

`wideload-local` in an installation, `python -m local` in a checkout.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from . import processes
from .apps import deploy_app
from .cloud import Cloud, last_lines
from .deploy import bootstrap, deploy, deploy_log_path, stack_outputs_path
from .errors import CloudError
from .outputs import client_variables, read_outputs
from .paths import COMMAND, DOWN, INSTALLED, LOCAL, UP
from .ports import PORT_VARIABLE
from .provision import provision


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 1 also for `status` when it is down."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (CloudError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; `{DOWN}` ends the embedded cloud", file=sys.stderr)
        return 130
    return status


def up(options: argparse.Namespace) -> int:
    for step in provision() if INSTALLED else ():
        print(f"embedded cloud: installing {step}", flush=True)
    cloud = Cloud(options.directory, port=options.port)
    context = dict(_split(word) for word in options.context)
    began = time.monotonic()
    if cloud.start():
        _say(f"started on {cloud.endpoint_url}", began)
    else:
        _say(f"is up already on {cloud.endpoint_url}", began)
    began = time.monotonic()
    if bootstrap(cloud):
        _say("bootstrapped for the CDK", began)
    began = time.monotonic()
    if options.app is not None or INSTALLED:
        outputs = deploy_app(cloud, options.app, context)
    else:
        outputs = deploy(cloud, context=context)
    _say("deployed", began)
    for service in ("ingest", "files"):
        if service in outputs:
            print(f"  {service:<8} {outputs[service]['api_url']}")
    print(f"  outputs  {cloud.outputs_path}, {stack_outputs_path(cloud)}")
    print(f"  logs     {cloud.log_path}, {deploy_log_path(cloud)}")
    return 0


def down(options: argparse.Namespace) -> int:
    cloud = Cloud(options.directory)
    began = time.monotonic()
    if cloud.stop():
        _say("ended", began)
    else:
        print("embedded cloud: was not up")
    return 0


def status(options: argparse.Namespace) -> int:
    cloud = Cloud(options.directory)
    server = cloud.server
    if server is None:
        print(f"embedded cloud: not up; `{UP}` starts it")
        return 1
    members = cloud.processes()
    memory = sum(processes.resident_memory(process) for process in members) / 2**20
    print(f"embedded cloud: up on {cloud.endpoint_url}")
    print(f"  server   process {server.pid}, {len(members) - 1} function workers")
    print(f"  memory   {memory:.0f} MiB in all")
    deployed = read_outputs(cloud)
    print(f"  outputs  {cloud.outputs_path if deployed else 'none: nothing is deployed yet'}")
    print(f"  logs     {cloud.log_path}, {deploy_log_path(cloud)}")
    return 0


def logs(options: argparse.Namespace) -> int:
    cloud = Cloud(options.directory)
    if options.function:
        print("\n".join(cloud.log_lines(options.function)))
    elif cloud.log_path.exists():
        print(last_lines(cloud.log_path, options.lines))
    else:
        raise CloudError(f"there is no log yet ({cloud.log_path}): `{UP}` first")
    return 0


def env(options: argparse.Namespace) -> int:
    outputs = read_outputs(Cloud(options.directory))
    if outputs is None:
        raise CloudError(f"nothing is deployed: `{UP}` first")
    for name, value in client_variables(outputs).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def demo(options: argparse.Namespace) -> int:
    try:
        from .demo import main as show
    except ImportError as error:
        raise CloudError(
            f"the demo needs the client ({error}): pip install 'wideload[cli]'"
        ) from error
    return show(Cloud(options.directory))


def run(options: argparse.Namespace) -> int:
    cloud = Cloud(options.directory)
    if not cloud.running:
        raise CloudError(f"the embedded cloud isn't up: `{UP}` starts it")
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        print(json.dumps(cloud.settings, indent=2))
        return 0
    try:
        return subprocess.run(command, env=cloud.environment, check=False).returncode
    except OSError as error:
        raise CloudError(f"can't run {command[0]}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--directory", type=Path, default=LOCAL, help=f"default: {LOCAL}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="start it and deploy an app to it")
    default = "the command of cdk.json" if INSTALLED else "this repository's app"
    command.add_argument(
        "app", nargs="?", help=f"Python file of a CDK app, or its command; default: {default}"
    )
    command.add_argument("--port", type=int, help=f"default: {PORT_VARIABLE}, else 4566")
    command.add_argument(
        "-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="CDK context"
    )
    command.set_defaults(run=up)

    command = commands.add_parser("down", help="end it; all that is in it is gone")
    command.set_defaults(run=down)

    command = commands.add_parser("status", help="say whether it is up, and where things are")
    command.set_defaults(run=status)

    command = commands.add_parser("logs", help="show the end of its log, or a function's")
    command.add_argument("function", nargs="?", help="name of a function: show what it printed")
    command.add_argument("-n", "--lines", type=int, default=50)
    command.set_defaults(run=logs)

    command = commands.add_parser("env", help="print the client's variables, for eval")
    command.set_defaults(run=env)

    command = commands.add_parser("demo", help="send call logs and a file through what is deployed")
    command.set_defaults(run=demo)

    command = commands.add_parser("run", help="run a command whose AWS calls go to it")
    command.add_argument("command", nargs=argparse.REMAINDER, help="without: print the variables")
    command.set_defaults(run=run)
    return parser


def _split(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise CloudError(f"-c {word} is no setting: write -c name=value")
    return name, value


def _say(what: str, began: float) -> None:
    print(f"embedded cloud: {what} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
