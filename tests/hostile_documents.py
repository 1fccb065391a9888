"""Documents and object keys that a hostile client sends, and odd documents that are right.

`tests/runtime/ingest/test_hostile_documents.py` sends all of them to the handlers,
`tests/integration/test_hostile.py` some of them to a deployment.
"""

from __future__ import annotations

import gzip
import json

from isal import isal_zlib

MIB = 1024 * 1024


def compressed(*pieces: tuple[bytes, int]) -> bytes:
    """The gzip of each piece so many times, without holding what it unpacks to.

    ISA-L takes 0.1 s of CPU time for 300 MiB, zlib 1.6 s.
    """
    deflate = isal_zlib.compressobj(1, wbits=31)
    parts = []
    for piece, times in pieces:
        run = MIB // len(piece) + 1
        parts += [deflate.compress(piece * run) for _ in range(times // run)]
        parts.append(deflate.compress(piece * (times % run)))
    return b"".join([*parts, deflate.flush()])


def long_string(size: int) -> bytes:
    return compressed((b'{"call_id":"long","text":"', 1), (b"a", size), (b'"}', 1))


WHOLE = gzip.compress(b'{"n": 1}')

HOSTILE: dict[str, tuple[bytes, int, str]] = {
    # Decompression bombs
    "a bomb of one string": (long_string(300 * MIB), 413, "document_too_large"),
    "a bomb of white space": (
        compressed((b"{", 1), (b" ", 300 * MIB), (b"}", 1)), 413, "document_too_large",
    ),
    "a bomb within a bomb": (gzip.compress(gzip.compress(b"{}" * 100_000)), 400, "invalid_json"),
    # Nesting
    "513 levels": (b'{"n":' * 512 + b"[]" + b"}" * 512, 400, "invalid_json"),
    "a million open brackets": (b'{"n":' + b"[" * 1_000_000, 400, "invalid_json"),
    "a million open objects": (gzip.compress(b'{"n":' * 1_000_000, 1), 400, "invalid_json"),
    "deep within a record": (
        b'{"transcript_with_metrics":[' + b"[" * 600 + b"]" * 600 + b"]}", 400, "invalid_json",
    ),
    # Numbers and strings
    "a number of 5,000 digits": (b'{"n":' + b"9" * 5_000 + b"}", 400, "invalid_json"),
    "a number of 5 million digits": (
        gzip.compress(b'{"n":[' + b"9" * 5_000_000 + b"]}"), 400, "invalid_json",
    ),
    "a number beyond any double": (b'{"n": 1e400}', 400, "invalid_json"),
    "NaN": (b'{"n": NaN}', 400, "invalid_json"),
    "Infinity within a record": (
        b'{"transcript_with_metrics":[{"n":-Infinity}]}', 400, "invalid_json",
    ),
    "a number with a leading zero": (b'{"n": 007}', 400, "invalid_json"),
    "half a surrogate pair": (rb'{"text":"\ud800"}', 400, "invalid_json"),
    "a raw control character": (b'{"text":"a\x00b"}', 400, "invalid_json"),
    "a string without an end": (
        gzip.compress(b'{"text":"' + b'\\"' * 3_000_000), 400, "invalid_json",
    ),
    # Members
    "a member that stands twice": (b'{"n":1,"n":2}', 400, "invalid_json"),
    "the same in disguise": (rb'{"n":1,"\u006e":2}', 400, "invalid_json"),
    "70,000 members": (
        b"{" + b",".join(b'"m%d":0' % n for n in range(70_000)) + b"}", 413, "document_too_large",
    ),
    # Text
    "invalid UTF-8": (b'{"text":"\xff\xfe"}', 400, "invalid_json"),
    "overlong UTF-8": (b'{"text":"\xc0\xaf"}', 400, "invalid_json"),
    "invalid UTF-8 in a huge string": (
        gzip.compress(b'{"text":"' + b"a" * 3_000_000 + b'\xff"}'), 400, "invalid_json",
    ),
    "a byte order mark": (b'\xef\xbb\xbf{"n":1}', 400, "invalid_json"),
    "UTF-16": ('{"n":1}'.encode("utf-16"), 400, "invalid_json"),
    # Not one object
    "an array": (b'[{"n":1}]', 400, "not_an_object"),
    "a string": (b'"text"', 400, "not_an_object"),
    "two objects": (b'{"n":1}{"n":2}', 400, "invalid_json"),
    "an object cut off": (b'{"n":1', 400, "invalid_json"),
    "a comment": (b'{"n":1} // one', 400, "invalid_json"),
    "only white space": (b" \n", 400, "empty_body"),
    # gzip
    "gzip cut off": (WHOLE[:-5], 400, "invalid_gzip"),
    "gzip cut off in its header": (WHOLE[:5], 400, "invalid_gzip"),
    "gzip with a wrong checksum": (WHOLE[:-8] + bytes(4) + WHOLE[-4:], 400, "invalid_gzip"),
    "gzip with a wrong length": (WHOLE[:-4] + b"\xff" * 4, 400, "invalid_gzip"),
    "gzip with rubbish behind": (WHOLE + b"rubbish", 400, "invalid_gzip"),
    "gzip padded with zeros": (WHOLE + bytes(512), 400, "invalid_gzip"),
    "gzip whose second member is damaged": (WHOLE + WHOLE[:-3], 400, "invalid_gzip"),
    "gzip of nothing": (gzip.compress(b""), 400, "empty_body"),
    "gzip of two documents": (WHOLE + WHOLE, 400, "invalid_json"),
    "a header that says gzip and nothing else": (b"\x1f\x8b", 400, "invalid_gzip"),
}  # fmt: skip
"""The document, and the HTTP status and code of the refusal, by name."""

LEGITIMATE: dict[str, bytes] = {
    "gzip of several members": gzip.compress(b'{"n":') + gzip.compress(b"1") + gzip.compress(b"}"),
    "512 levels": b'{"n":' * 511 + b"[]" + b"}" * 511,
    "a name of nothing": b'{"":1}',
    "a NUL in a name": rb'{"\u0000":"\u0000"}',
    "numbers at the edge": b'{"a":1e308,"b":-1e-320,"c":123456789012345678901234567890,"d":-0.0}',
    "a number of 300 digits": b'{"n":' + b"9" * 300 + b"}",
    "strings that end the summary": json.dumps({f"m{n}": "é" * 900 for n in range(90)}).encode(),
    "60,000 members": b"{" + b",".join(b'"m%d":0' % n for n in range(60_000)) + b"}",
    "a name longer than the window": b'{"' + b"a" * 1_500_000 + b'":1}',
}
"""Documents that are stored, by name."""

KEYS = {
    "another tenant's": "transit/globex/{id}",
    "another prefix": "archive/acme/{id}.json.gz",
    "up and down again": "transit/acme/../acme/{id}",
    "up to another tenant": "transit/acme/../globex/{id}",
    "percent-encoded": "transit/acme/%2e%2e/acme/{id}",
    "doubled slash": "transit//acme/{id}",
    "leading slash": "/transit/acme/{id}",
    "trailing slash": "transit/acme/{id}/",
    "trailing newline": "transit/acme/{id}\n",
    "trailing NUL": "transit/acme/{id}\0",
    "lower case": "transit/acme/{lower}",
    "an idempotency record": "transit/acme/idempotency#0",
    "backslashes": "transit\\acme\\{id}",
    "a bucket in front": "s3://bucket/transit/acme/{id}",
    "an ARN": "arn:aws:s3:::bucket/transit/acme/{id}",
    "full-width": "ｔransit/acme/{id}",  # noqa: RUF001
    "5,000 characters": "transit/acme/" + "A" * 5_000,
    "nothing": "",
    "white space": " ",
}
"""Keys of no upload; `{id}` and `{lower}` stand for a payload id. `globex` is the other tenant."""
