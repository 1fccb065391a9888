"""API Gateway in front of the functions: routes, authorizers, and events of format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import functools
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from urllib.parse import unquote_plus, urlencode

from openapi_schema_validator import OAS31Validator

from tests import contract_cases
from tests.fake_aws.messages import Fault, Refused, Seen

RUNTIME = threading.RLock()
"""Held while a function runs: like an instance in Lambda, it has one request at a time."""
REQUEST_ID = "req-1"
MAX_BODY = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""
NOT_FOUND = Fault(404, b'{"message":"Not Found"}')
UNAUTHORIZED = Fault(401, b'{"message":"Unauthorized"}')
FORBIDDEN = Fault(403, b'{"message":"Forbidden"}')
TOO_LARGE = Fault(413, b'{"message":"Request Entity Too Large"}')


class Context:
    """The Lambda context of a request."""

    function_name = "api"
    function_version = "1"
    memory_limit_in_mb = "1769"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:api"
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


class Gateway:
    """
    Args:
        api: Name of the contract, whose routes are the API's: `ingest` or `files`.
    """

    def __init__(self, api: str) -> None:
        self._api = api
        self._routes = {
            route: {method.upper() for method in methods if method != "parameters"}
            for route, methods in contract_cases.openapi(api)["paths"].items()
        }

    def route(self, method: str, path: str) -> str:
        """The template of a path.

        Raises:
            Refused: 404: the API has no such route.
        """
        for template, methods in sorted(self._routes.items(), key=lambda one: one[0].count("{")):
            if method in methods and _pattern(template).fullmatch(path):
                return template
        raise Refused(NOT_FOUND)

    def check(self, template: str, seen: Seen) -> None:
        """Raise if the contract does not have such a request: stricter than the API, which ignores
        parameters that it does not know."""
        names, body_pointer, needs_body = _operation(self._api, template, seen.method)
        if not seen.query.keys() <= names:
            raise Refused(Fault(400, b'{"code":"invalid_request","detail":"an unknown parameter"}'))
        if body_pointer is None:
            assert not seen.body, f"{seen.method} {template} takes no body"
        elif self._api == "files" and (seen.body or needs_body):
            _validator(self._api, body_pointer).validate(json.loads(seen.body))

    def invoke(
        self,
        handler: Callable[[dict[str, Any], Any], dict[str, Any]],
        seen: Seen,
        path: str,
        authorizer: dict[str, Any] | None,
    ) -> Fault:
        """The function's answer to a request."""
        if len(seen.body) > MAX_BODY:
            raise Refused(TOO_LARGE)
        # API Gateway takes JSON for text, also where its bytes are no UTF-8.
        is_json = seen.headers.get("content-type", "").startswith("application/json")
        body = seen.body.decode(errors="replace") if is_json else seen.body
        event = event_of(seen.method, path, body, seen.headers, seen.query, authorizer)
        answered = handler(event, Context())
        text = answered["body"]
        content = base64.b64decode(text) if answered["isBase64Encoded"] else text.encode()
        return Fault(answered["statusCode"], content, dict(answered["headers"]))


@contextmanager
def running_with(module: ModuleType, **services: Any) -> Iterator[None]:
    """Have a handler use these services; nothing else runs meanwhile."""
    with RUNTIME:
        kept = {name: getattr(module, name) for name in services}
        vars(module).update(services)
        try:
            yield
        finally:
            vars(module).update(kept)


def event_of(
    method: str,
    path: str,
    body: bytes | str = b"",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    authorizer: dict[str, Any] | None = None,
    *,
    request_id: str = REQUEST_ID,
) -> dict[str, Any]:
    """A request as API Gateway hands it to a function.

    Args:
        body: Text for a body that API Gateway takes for text.
        authorizer: What the authorizer found; None for a route without one.
    """
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {
            "requestId": request_id,
            "stage": "$default",
            "http": {"method": method, "path": unquote_plus(path)},
        },
        "isBase64Encoded": isinstance(body, bytes) and bool(body),
    }
    if authorizer is not None:
        event["requestContext"]["authorizer"] = authorizer
    if query:
        event["queryStringParameters"] = dict(query)
    if body:
        event["body"] = body if isinstance(body, str) else base64.b64encode(body).decode()
    return event


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", template))


@functools.cache
def _operation(api: str, template: str, method: str) -> tuple[frozenset[str], str | None, bool]:
    """Names of the query's parameters, where the schema of the body is, if there is one, and
    whether there must be a body."""
    routes = contract_cases.openapi(api)
    path = routes["paths"][template]
    operation = path[method.lower()]
    parameters = [*path.get("parameters", []), *operation.get("parameters", [])]
    names = [_resolved(routes, one)["name"] for one in parameters]
    pointer = f"#/paths/{template.replace('/', '~1')}/{method.lower()}"
    content = f"{pointer}/requestBody/content/application~1json/schema"
    body = operation.get("requestBody")
    return frozenset(names), content if body else None, bool(body and body.get("required"))


def _resolved(document: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    for part in one.get("$ref", "#").split("/")[1:]:
        document = document[part]
    return document if "$ref" in one else one


@functools.cache
def _validator(api: str, pointer: str) -> Any:
    reference = pointer.replace("{", "%7B").replace("}", "%7D")
    return OAS31Validator({**contract_cases.openapi(api), "$ref": reference})
