"""The HTTP API of payload ingest: its routes and its key authorizer."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from constructs import Construct

from wideload_cdk.shared.api import ApiSettings, ServiceApi

# How long a revoked key still works.
AUTHORIZER_CACHE = Duration.minutes(5)
# How long a browser caches the answer to a preflight request.
PREFLIGHT_CACHE = Duration.hours(1)

_DELETE = apigateway.HttpMethod.DELETE
_GET = apigateway.HttpMethod.GET
_POST = apigateway.HttpMethod.POST
ROUTES = {
    "/get-upload-url": [_GET, _POST],
    "/send-call-log": [_POST],
    "/call-logs": [_GET],
    "/call-logs/{payload_id}": [_GET, _DELETE],
    "/call-logs/{payload_id}/records": [_GET],
}

_LOGGED = {
    "tenant": "$context.authorizer.tenant",
    "key_id": "$context.authorizer.key_id",
}


class IngestApi(ServiceApi):
    """A `ServiceApi` whose authorizer function checks the key in one header of each request.

    Pages of `cors_origins` may call it; a preflight request needs no key.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: lambda_.IFunction,
        authorizer: lambda_.IFunction,
        api_key_header: str,
        cors_origins: Sequence[str],
        settings: ApiSettings,
    ) -> None:
        super().__init__(
            scope,
            id,
            description="Wideload ingest: JSON payloads of any size",
            routes=ROUTES,
            handler=handler,
            authorizer=HttpLambdaAuthorizer(
                "KeyAuthorizer",
                authorizer,
                identity_source=[f"$request.header.{api_key_header}"],
                response_types=[HttpLambdaResponseType.SIMPLE],
                results_cache_ttl=AUTHORIZER_CACHE,
            ),
            cors=_cors(cors_origins, api_key_header) if cors_origins else None,
            settings=settings,
            logged=_LOGGED,
        )


def _cors(origins: Sequence[str], api_key_header: str) -> apigateway.CorsPreflightOptions:
    return apigateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[
            apigateway.CorsHttpMethod.GET,
            apigateway.CorsHttpMethod.POST,
            apigateway.CorsHttpMethod.DELETE,
        ],
        # In lower case, as browsers ask for them.
        allow_headers=[
            api_key_header.lower(),
            "content-type",
            "idempotency-key",
            "content-digest",
        ],
        # Pages read everything else from the body.
        expose_headers=["retry-after"],
        max_age=PREFLIGHT_CACHE,
    )
