"""Send call logs, a file and a folder through the deployed stacks, and read them back."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TypeVar

import orjson

import wideload
import wideload.signin

from .call_log import make_call_log
from .cloud import Cloud, CloudError
from .outputs import Outputs, read_outputs
from .paths import COMMAND, DOWN, UP

LARGE = 16_500_000
SMALL = 40_000
FILE = 80_000_000
"""Bytes: over the 64 MiB from which an upload is multipart."""
CONTRACT = 200_000
INGEST_METRICS = {"LargePayloadCount", "S3UploadDuration", "S3UploadSize", "S3DownloadDuration"}
FILES_METRICS = {"FileUploadCount", "FileUploadSize", "DuplicateFileCount", "BytesSaved"}


class DemoFailedError(Exception):
    """Something that the demo shows did not hold."""


def main(cloud: Cloud) -> int:
    """Show what is deployed; 1 if something that should hold doesn't.

    Raises:
        CloudError: Nothing is deployed.
    """
    outputs = read_outputs(cloud) if cloud.running else None
    if outputs is None:
        raise CloudError(f"the embedded cloud isn't up: `{UP}` starts it")
    # Nothing of this leaves the machine, whatever proxy the network beyond it wants.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1"
    print(f"\nWideload on the embedded cloud, {outputs['endpoint_url']}\n")
    try:
        _show(cloud, outputs)
    except (DemoFailedError, wideload.WideloadError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"\nAll of it held. The cloud is still up: {cloud.outputs_path} has URLs, keys and\n"
        f"passwords, `{DOWN}` stops it."
    )
    return 0


def _show(cloud: Cloud, outputs: Outputs) -> None:
    began = time.time()
    expected: set[str] = set()
    if "ingest" in outputs:
        expected |= INGEST_METRICS
        with _client(outputs) as client:
            send(client, "A large call log", LARGE, via="s3")
            send(client, "A small call log", SMALL, via="inline")
    if "files" in outputs and outputs["files"]["users"]:
        expected |= FILES_METRICS
        with _files_client(outputs) as client, tempfile.TemporaryDirectory() as folder:
            transfer(client.files, Path(folder), FILE)
            transfer_folder(client.files, Path(folder))
    show_metrics(emitted_since(cloud, began), expected)
    show_page(outputs)


def _client(outputs: Outputs) -> wideload.Client:
    ingest = outputs["ingest"]
    return wideload.Client(
        ingest["api_url"],
        api_key=ingest["api_key"],
        api_key_header=ingest["api_key_header"],
        ca_bundle=outputs["ca_bundle"],
    )


def _files_client(outputs: Outputs) -> wideload.Client:
    files = outputs["files"]
    person = files["users"][0]
    token = wideload.signin.password_token(
        files["api_url"],
        person["username"],
        person["password"],
        ca_bundle=outputs["ca_bundle"],
    )
    return wideload.Client(files["api_url"], token=token, ca_bundle=outputs["ca_bundle"])


def send(client: wideload.Client, title: str, size: int, *, via: str) -> None:
    """Send one call log of `size` bytes, read it back, and compare."""
    call_log = make_call_log(size, call_id=f"demo-{via}")
    sent = orjson.dumps(call_log)

    started = time.perf_counter()
    receipt = client.send(call_log)
    sent_after = time.perf_counter() - started
    started = time.perf_counter()
    read = client.document(receipt.payload_id)
    read_after = time.perf_counter() - started

    print(f"{title}: {len(sent):,} bytes of JSON, {receipt.bytes_sent:,} compressed")
    way = "through S3 by presigned URL" if receipt.via == "s3" else "inline through the API"
    print(f"  sent {way:<36} {sent_after:6.2f} s  {receipt.state}, {receipt.records:,} records")
    print(f"  read back {'':<31} {read_after:6.2f} s  equal: {'yes' if read == sent else 'NO'}")
    print(f"  payload_id {receipt.payload_id}")
    if receipt.via != via:
        raise DemoFailedError(f"it went {receipt.via}, where {via} was meant")
    if read != sent:
        raise DemoFailedError("what was read back is not what was sent")


def transfer(files: wideload.Files, folder: Path, size: int) -> None:
    """Upload a file of `size` bytes, download it, compare, and upload it again."""
    path = folder / "film.bin"
    # Another content each time, so that a second demo has something to upload too.
    path.write_bytes(random.randbytes(size))
    digest = _sha256(path)

    started = time.perf_counter()
    uploaded = files.upload(path)
    uploaded_after = time.perf_counter() - started
    started = time.perf_counter()
    downloaded = files.download(uploaded.file.file_id, folder / "again.bin")
    downloaded_after = time.perf_counter() - started
    equal = _sha256(folder / "again.bin") == digest
    started = time.perf_counter()
    again = files.upload(path)
    again_after = time.perf_counter() - started

    print(f"A file: {size:,} bytes, multipart, each part checked by S3")
    print(f"  uploaded by presigned URLs {'':<14} {uploaded_after:6.2f} s")
    print(f"  downloaded {'':<30} {downloaded_after:6.2f} s  equal: {'yes' if equal else 'NO'}")
    print(f"  uploaded again {'':<26} {again_after:6.2f} s  {again.bytes_sent:,} bytes sent")
    print(f"  file_id {downloaded.file.file_id}")
    if uploaded.bytes_sent < size:
        raise DemoFailedError(f"only {uploaded.bytes_sent:,} bytes were sent")
    if not equal:
        raise DemoFailedError("what was downloaded is not what was uploaded")
    if not again.duplicate or again.bytes_sent:
        raise DemoFailedError(f"{again.bytes_sent:,} bytes of a duplicate were sent again")


def transfer_folder(files: wideload.Files, folder: Path) -> None:
    """Upload a directory that holds one content under two names, download it again, and compare."""
    source = folder / "contracts"
    (source / "signed" / "none yet").mkdir(parents=True)
    content = random.randbytes(CONTRACT)
    for name in ("offer.txt", "copy of offer.txt"):
        (source / name).write_bytes(content)
    (source / "signed" / "first.txt").write_bytes(random.randbytes(CONTRACT))

    started = time.perf_counter()
    uploaded = [
        _held(outcome).result
        for outcome in files.upload_tree(source, folder="demo", if_exists="replace")
    ]
    uploaded_after = time.perf_counter() - started
    started = time.perf_counter()
    for outcome in files.download_tree("demo", folder / "copy"):
        _held(outcome)
    downloaded_after = time.perf_counter() - started
    equal = _tree(folder / "copy") == _tree(source)
    sent = sum(result.bytes_sent for result in uploaded if result)
    ids = {result.file.name: result.file.file_id for result in uploaded if result}
    files.delete(ids["offer.txt"])
    files.download(ids["copy of offer.txt"], folder / "kept.txt")
    kept = (folder / "kept.txt").read_bytes() == content

    print(f"A folder: {len(ids)} files of {CONTRACT:,} bytes, two of them names of one content")
    print(f"  uploaded {'':<32} {uploaded_after:6.2f} s  {sent:,} bytes sent")
    print(f"  downloaded {'':<30} {downloaded_after:6.2f} s  equal: {'yes' if equal else 'NO'}")
    print(f"  one name deleted, the other kept {'':<18} equal: {'yes' if kept else 'NO'}")
    if sent != 2 * CONTRACT:
        raise DemoFailedError(f"{sent:,} bytes were sent, of two contents of {CONTRACT:,} bytes")
    if not equal or not kept:
        raise DemoFailedError("what was downloaded is not what was uploaded")


_Outcome = TypeVar("_Outcome", wideload.UploadOutcome, wideload.DownloadOutcome)


def _held(outcome: _Outcome) -> _Outcome:
    """The outcome, unless it is an error."""
    if outcome.error:
        raise outcome.error
    return outcome


def _tree(top: Path) -> dict[str, bytes | None]:
    """Content of each file in a directory, at any depth; None for directories."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def show_page(outputs: Outputs) -> None:
    """Print where the page is, and who can sign in there."""
    if "web" not in outputs:
        return
    print(f"\nThe page: {outputs['web']['url']}")
    for person in outputs["files"]["users"]:
        print(f"  sign in as {person['username']} with {person['password']}")
    print("\nTo use `wideload` with it in this shell:")
    print(f'  eval "$({COMMAND} env)"')


def show_metrics(lines: list[dict[str, Any]], expected: set[str]) -> None:
    """Print the values of EMF lines, summed by metric; each expected one must be there."""
    totals: dict[str, tuple[float, str]] = {}
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                total, _ = totals.get(metric["Name"], (0.0, ""))
                totals[metric["Name"]] = total + sum(line[metric["Name"]]), metric["Unit"]
    print("Metrics that the functions emitted:")
    for name, (total, unit) in sorted(totals.items()):
        print(f"  {name:<22} {total:>14,.0f} {unit}")
    if missing := expected - totals.keys():
        raise DemoFailedError(f"no function emitted {', '.join(sorted(missing))}")


def emitted_since(cloud: Cloud, began: float) -> list[dict[str, Any]]:
    """EMF lines that the functions wrote at `began`, in epoch seconds, or later."""
    pages = cloud.client("lambda").get_paginator("list_functions").paginate()
    names = [item["FunctionName"] for page in pages for item in page["Functions"]]
    lines = [
        json.loads(line) for name in names for line in cloud.log_lines(name) if '"_aws"' in line
    ]
    return [line for line in lines if line["_aws"]["Timestamp"] >= int(began * 1000)]
