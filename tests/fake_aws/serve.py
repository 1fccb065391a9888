"""Serve payload ingest over AWS in memory to tests in other languages.

`python -m tests.fake_aws.serve ORIGIN` lets pages of ORIGIN in. It prints one JSON object with the
API's URL and key. After that, each line of its input is a fault that a request is to meet, such as
`{"what": "PUT /s3/", "status": 503}` (`what` and the fields of `Fault`), and is answered by a line.
It ends with its input.
"""

from __future__ import annotations

import json
import sys

from tests.fake_aws import cors
from tests.fake_aws.ingest import API_KEY, serving
from tests.fake_aws.messages import Fault


def main(origin: str) -> None:
    with serving() as service:
        # Small documents in tests are to be queued, too.
        service.in_request_limit = 5_000_000
        service.api_cors, service.s3_cors = cors.of_ingest_api(origin), cors.of_bucket(origin)
        _say({"apiUrl": service.url, "apiKey": API_KEY})
        for line in sys.stdin:
            fault = json.loads(line)
            service.fail(fault.pop("what"), Fault(**fault))
            _say({})


def _say(members: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(members) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
