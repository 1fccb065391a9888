"""Start ministack with what its 1.5.33 gets wrong put right.

The one file here that runs in `.local/ministack/`, which has none of our packages.
`tests/local/test_launcher.py` fails as soon as a newer ministack needs a patch no more.
"""

import os
import signal
import sys
import threading
from typing import Any

from ministack import app
from ministack.services import apigateway
from ministack.services.cloudformation import provisioners


def fetch_key_sets_over_https() -> None:
    """With USE_SSL=1 the JWT authorizer still asks for Cognito's key set over http.

    The port answers TLS only, so every token got 401.
    """
    resolve = apigateway._resolve_jwks_url
    plain = f"http://{apigateway._HOST}:{apigateway._PORT}/"

    async def resolve_https(authorizer: dict[str, Any]) -> str | None:
        url: str | None = await resolve(authorizer)
        if url and url.startswith(plain):
            return f"https://{url.removeprefix('http://')}"
        return url

    apigateway._resolve_jwks_url = resolve_https


def name_cors_settings_as_the_api_does() -> None:
    """CloudFormation's `AllowOrigins` is stored as it is, where `allowOrigins` is read.

    Every preflight on an HTTP API that a template configured got 403.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    for action, position in (("create", 1), ("update", 2)):
        handlers[action] = _with_camel_case_cors(handlers[action], position)


def _with_camel_case_cors(handle: Any, position: int) -> Any:
    def handle_camel_case(*arguments: Any) -> Any:
        # A copy: the stack keeps the template's own properties to tell what changed.
        changed = list(arguments)
        properties = dict(changed[position])
        cors = properties.get("CorsConfiguration")
        if cors:
            properties["CorsConfiguration"] = {
                name[:1].lower() + name[1:]: value for name, value in cors.items()
            }
        changed[position] = properties
        return handle(*changed)

    return handle_camel_case


def leave_port_443_alone() -> None:
    """With USE_SSL=1 it also opens port 443 whenever it may, and has no switch for that."""
    app._port_is_bindable = lambda _host, _port: False


def end_with_owner() -> None:
    """End this process group when the other end of stdin closes, however the owner died."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def patch() -> None:
    fetch_key_sets_over_https()
    name_cors_settings_as_the_api_does()
    leave_port_443_alone()


if __name__ == "__main__":
    if os.environ.get("WIDELOAD_CLOUD_OWNED"):
        end_with_owner()
    patch()
    app.main()
