"""Retries: which errors are repeated, the delays, and the final error."""

from __future__ import annotations

import io
import socket
from typing import Any

import pytest
import urllib3

import wideload
from tests.client.conftest import Clock, Connect
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import DROP, DROP_AFTER, SIGNATURE, Fault, problem, s3_error
from wideload._retry import Pacing, parse_retry_after

BOTH_CLIENTS = True

_SEND = "POST /stage/send-call-log"
_URL = "POST /stage/get-upload-url"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_api_errors_that_may_pass_are_tried_again(
    client: wideload.Client, server: IngestService, status: int
) -> None:
    server.fail(_SEND, Fault(status, b"<html>"))

    assert client.send({"a": 1}).state == "stored"
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (problem(400, "invalid_json"), wideload.PayloadRefusedError),
        (Fault(401, b'{"message":"Unauthorized"}'), wideload.AuthenticationError),
        (Fault(403, b'{"message":"Forbidden"}'), wideload.AuthenticationError),
        (problem(404, "unknown_key"), wideload.NotFoundError),
        (problem(409, "something_else"), wideload.ConflictError),
        (problem(413, "document_too_large"), wideload.PayloadRefusedError),
        (problem(415, "unsupported_media_type"), wideload.PayloadRefusedError),
        (problem(422, "idempotency_key_reused"), wideload.PayloadRefusedError),
        (Fault(418, b"{}"), wideload.ApiError),
        (Fault(302, b"", {"Location": "http://127.0.0.1:9/"}), wideload.ApiError),
    ],
)
def test_errors_that_stay_surface_at_once(
    client: wideload.Client,
    server: IngestService,
    clock: Clock,
    fault: Fault,
    kind: type[wideload.ApiError],
) -> None:
    server.fail(_SEND, fault)

    with pytest.raises(wideload.ApiError) as raised:
        client.send({"a": 1})

    assert type(raised.value) is kind
    assert raised.value.status == fault.status
    assert len(server.seen) == 1
    assert clock.slept == []


def test_an_api_error_carries_what_the_api_said(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, problem(400, "invalid_json"))

    with pytest.raises(wideload.PayloadRefusedError) as raised:
        client.send({"a": 1})

    error = raised.value
    assert (error.code, error.request_id) == ("invalid_json", "req-1")
    assert error.detail == "what invalid_json means"
    assert str(error) == (
        "POST /send-call-log: 400 invalid_json: what invalid_json means [request req-1]"
    )


def test_the_request_id_of_the_gateway_is_kept(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, Fault(403, b'{"message":"Forbidden"}', {"apigw-requestid": "gw-1"}))

    with pytest.raises(wideload.AuthenticationError, match="x-api-key") as raised:
        client.send({"a": 1})

    assert (raised.value.request_id, raised.value.detail) == ("gw-1", "Forbidden")


def test_delays_grow_with_jitter(server: IngestService, clock: Clock, connect: Connect) -> None:
    chances = iter([1.0, 0.5, 0.0, 1.0, 1.0, 1.0, 1.0])
    pacing = Pacing(clock.sleep, clock.now, clock.now, lambda: next(chances))
    server.fail(_SEND, *[Fault(503)] * 7)

    connect(server.url, retries=7, _pacing=pacing).send({"a": 1})

    assert clock.slept == [0.5, 0.5, 0.0, 4.0, 8.0, 16.0, 20.0]


def test_retry_after_is_the_least_wait(
    client: wideload.Client, server: IngestService, clock: Clock
) -> None:
    server.fail(_SEND, problem(503, "unavailable", Retry_After="7"), problem(429, "slow"))

    client.send({"a": 1})

    assert clock.slept == [7.0, 1.0]


def test_a_long_retry_after_surfaces_instead_of_hanging(
    client: wideload.Client, server: IngestService, clock: Clock
) -> None:
    server.fail(_SEND, problem(503, "unavailable", Retry_After="3600"))

    with pytest.raises(wideload.ServerError) as raised:
        client.send({"a": 1})

    assert raised.value.retry_after == 3600
    assert clock.slept == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:40 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=60.0) == seconds


def test_attempts_have_an_upper_bound_over_all_steps(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.fail(_URL, Fault(503), Fault(503))
    server.fail("PUT", s3_error(503, "SlowDown"), s3_error(503, "SlowDown"))
    server.fail(_SEND, *[problem(503, "unavailable")] * 9)

    with pytest.raises(wideload.ServerError) as raised:
        client.send(large)

    assert len(server.seen) == 3 + 5
    assert raised.value.payload_id == PAYLOAD_1


def test_no_retries_when_told_so(server: IngestService, connect: Connect) -> None:
    server.fail(_SEND, Fault(503))

    with pytest.raises(wideload.ServerError):
        connect(server.url, retries=0).send({"a": 1})

    assert len(server.seen) == 1


def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, DROP_AFTER)

    receipt = client.send({"a": 1})

    assert receipt.payload_id == PAYLOAD_1
    assert len(server.payloads) == 1


def test_an_answer_cut_short_is_asked_for_again(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, Fault(200, b'{"payload', {"x-claimed-length": "100"}))

    assert client.send({"a": 1}).state == "stored"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "SlowDown"),
        (500, "InternalError"),
        (400, "RequestTimeout"),
        (409, "ConditionalRequestConflict"),
        (503, "ServiceUnavailable"),
        (502, "x"),
    ],
)
def test_s3_errors_that_may_pass_are_tried_again(
    client: wideload.Client, server: IngestService, large: dict[str, Any], status: int, code: str
) -> None:
    server.fail("PUT", s3_error(status, code))

    assert client.send(large).state == "stored"
    assert len(server.requests("PUT")) == 2
    assert len(server.requests(_URL)) == 1


@pytest.mark.parametrize("refusal", [s3_error(403, "AccessDenied"), s3_error(400, "ExpiredToken")])
def test_a_url_that_s3_no_longer_takes_is_replaced(
    client: wideload.Client,
    server: IngestService,
    large: dict[str, Any],
    refusal: Fault,
    clock: Clock,
) -> None:
    server.fail("PUT", refusal)

    receipt = client.send(large)

    assert receipt.payload_id == PAYLOAD_1
    assert len(server.requests(_URL)) == 2
    assert [seen.path for seen in server.requests("PUT")] == [f"/s3/transit/acme/{PAYLOAD_1}"] * 2
    assert clock.slept == []


def test_an_upload_url_that_is_too_old_by_this_clock_is_replaced(
    server: IngestService, large: dict[str, Any], connect: Connect
) -> None:
    server.fail("PUT", s3_error(503, "SlowDown", Retry_After="880"))  # the URL lives for 900 s

    assert connect(server.url, retry_for=3600).send(large).state == "stored"

    assert len(server.requests(_URL)) == 2
    assert len(server.requests("PUT")) == 2


def test_a_third_refusal_of_a_url_surfaces(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.fail("PUT", *[s3_error(403, "AccessDenied")] * 9)

    with pytest.raises(wideload.UploadError) as raised:
        client.send(large)

    assert len(server.requests("PUT")) == 3
    assert (raised.value.status, raised.value.code) == (403, "AccessDenied")
    assert (raised.value.request_id, raised.value.payload_id) == ("S3REQ", PAYLOAD_1)


@pytest.mark.parametrize("lost", [DROP, DROP_AFTER, Fault(500, b"")])
def test_a_lost_put_to_a_url_that_expired_is_repeated_to_the_same_object(
    client: wideload.Client, server: IngestService, large: dict[str, Any], lost: Fault
) -> None:
    server.fail("PUT", lost, s3_error(403, "AccessDenied"))

    receipt = client.send(large)

    assert (receipt.payload_id, receipt.state, receipt.via) == (PAYLOAD_1, "stored", "s3")
    keys = {seen.headers["idempotency-key"] for seen in server.requests("POST")}
    assert keys == {receipt.idempotency_key}
    server.process_unclaimed()
    assert server.stored() == [PAYLOAD_1]


def test_a_process_that_died_after_its_put_and_begins_anew_stores_nothing_twice(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.fail(_SEND, *[problem(400, "invalid_request")])  # as far as it came
    with pytest.raises(wideload.PayloadRefusedError):
        client.send(large, idempotency_key="k-1")
    server.process_unclaimed()

    receipt = client.send(large, idempotency_key="k-1")

    assert receipt.payload_id == PAYLOAD_1
    assert server.stored() == [PAYLOAD_1]


def test_sending_again_with_the_same_key_stores_nothing_twice(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    first = client.send(large, idempotency_key="k-1")

    again = client.send(large, idempotency_key="k-1")

    assert again.payload_id == first.payload_id
    server.process_unclaimed()
    assert server.stored() == [PAYLOAD_1]


def test_other_s3_refusals_surface_at_once(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.fail("PUT", s3_error(400, "BadDigest"))

    with pytest.raises(wideload.UploadError, match="400 BadDigest"):
        client.send(large)

    assert len(server.seen) == 2


def test_a_put_whose_answer_was_lost_is_already_there(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.fail("PUT", DROP_AFTER)

    receipt = client.send(large)

    assert receipt.state == "stored"
    assert len(server.requests("PUT")) == 2  # the fake answers 412 to the second


@pytest.mark.parametrize("code", ["not_uploaded", "in_progress"])
def test_a_claim_that_comes_too_early_is_repeated(
    client: wideload.Client,
    server: IngestService,
    large: dict[str, Any],
    code: str,
    clock: Clock,
) -> None:
    server.fail(_SEND, problem(409, code, Retry_After="3"))

    assert client.send(large).state == "stored"
    assert clock.slept == [3.0]
    claims = server.requests(_SEND)
    assert claims[0].body == claims[1].body
    assert claims[0].headers["idempotency-key"] == claims[1].headers["idempotency-key"]


def test_no_error_shows_the_signature_or_the_key(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    shown: list[str] = []
    for faults in ([s3_error(400, "BadDigest")], [DROP] * 6, [s3_error(403, "A")] * 3):
        server.faults.clear()
        server.fail("PUT", *faults)
        with pytest.raises(wideload.WideloadError) as raised:
            client.send(large)
        link: BaseException | None = raised.value
        while link is not None:
            shown += [str(link), repr(link), repr(vars(link))]
            link = link.__cause__ or link.__context__

    text = "\n".join([*shown, repr(client)])
    assert SIGNATURE not in text
    assert "secret-of-the-key" not in text
    assert f"/s3/transit/acme/{PAYLOAD_1[:4]}" in text


def test_a_transport_error_says_what_was_tried(connect: Connect) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with pytest.raises(wideload.TransportError) as raised:
            connect(url, retries=2).send({"a": 1})

    assert raised.value.attempts == 3
    assert str(raised.value) == (
        f"no answer to POST {url}/send-call-log: Connection refused "
        "(gave up after 3 requests in 1.5 s)"
    )


class _Failing:
    """A transport that fails with one error."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        self.calls += 1
        raise self.error


_POOL = urllib3.HTTPConnectionPool("host")


def _unresolved(code: int) -> Exception:
    cause = socket.gaierror(code, "")
    error = urllib3.exceptions.NameResolutionError(
        "h", urllib3.connection.HTTPConnection("h"), cause
    )
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "says", "calls"),
    [
        (urllib3.exceptions.ReadTimeoutError(_POOL, "/?secret", "x"), "timed out", 3),
        (urllib3.exceptions.ConnectTimeoutError(), "connecting timed out", 3),
        (urllib3.exceptions.LocationParseError("/?secret"), "can't be parsed", 1),
        (urllib3.exceptions.ProtocolError("x", OSError("at /key?secret")), "at /key", 3),
        (_unresolved(socket.EAI_NONAME), "can't be resolved", 1),
        (_unresolved(socket.EAI_AGAIN), "can't be resolved", 3),
    ],
)
def test_failures_of_the_transport_are_told_apart(
    clock: Clock, error: Exception, says: str, calls: int
) -> None:
    transport = _Failing(error)
    client = wideload.Client(
        "https://api.example",
        api_key=API_KEY,
        retries=2,
        transport=transport,
        _pacing=clock.pacing(),
    )

    with pytest.raises(wideload.TransportError, match=says) as raised:
        client.send({"a": 1})

    assert transport.calls == calls
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"[1]", b"{}", b'{"payload_id":1,"state":"stored"}']
)
def test_an_answer_of_something_else_is_an_api_error(
    client: wideload.Client, server: IngestService, body: bytes
) -> None:
    server.fail(_SEND, Fault(200, body))

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        client.send({"a": 1})


_UPLOAD_URL = b'{"payload_id":"a","s3_key":"b","method":"PUT","expires_in":900'


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"7",
        _UPLOAD_URL + b"}",
        b'{"payload_id":"a","s3_key":"b","method":"PUT","upload_url":"https://s3","headers":{}}',
        _UPLOAD_URL + b',"upload_url":"file:///etc","headers":{}}',
        _UPLOAD_URL + b',"upload_url":"https://s3","headers":{"a":1}}',
        _UPLOAD_URL + b',"upload_url":"https://s3","headers":{"a":"b\\r\\nc: d"}}',
        _UPLOAD_URL + '  ,"upload_url":"https://s3","headers":{"a":"é"}}'.encode(),
    ],
)
def test_an_upload_url_that_lacks_something_is_an_api_error(
    client: wideload.Client, server: IngestService, large: dict[str, Any], body: bytes
) -> None:
    server.fail(_URL, Fault(200, body))

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        client.send(large)


def test_an_endless_answer_is_not_read_to_its_end(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, Fault(200, b" " * (16 * 1024 * 1024 + 1)))

    with pytest.raises(wideload.TransportError, match="larger than 16 MiB"):
        client.send({"a": 1})


def test_an_upload_is_not_downgraded_to_plain_http(large: dict[str, Any]) -> None:
    class Api:
        def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
            assert url == "https://api.example/get-upload-url"
            body = _UPLOAD_URL + b',"upload_url":"http://s3.example/a","headers":{}}'
            return urllib3.HTTPResponse(io.BytesIO(body), status=200, preload_content=False)

    client = wideload.Client("https://api.example", api_key=API_KEY, transport=Api())

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        client.send(large)
