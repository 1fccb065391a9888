"""The HTTP API of file transfer: its routes, its token authorizer and its CORS settings."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from constructs import Construct

from wideload_cdk.shared.api import ApiSettings, ServiceApi

# How long a browser caches the answer to a preflight request.
PREFLIGHT_CACHE = Duration.hours(1)

_DELETE = apigateway.HttpMethod.DELETE
_GET = apigateway.HttpMethod.GET
_PATCH = apigateway.HttpMethod.PATCH
_POST = apigateway.HttpMethod.POST
ROUTES = {
    "/files": [_GET, _POST],
    "/files/check": [_POST],
    "/files/delete": [_POST],
    "/files/folders": [_GET, _POST, _PATCH, _DELETE],
    "/files/move": [_POST],
    "/files/uploads": [_GET],
    "/files/uploads/{upload_id}": [_GET, _DELETE],
    "/files/uploads/{upload_id}/parts": [_POST],
    "/files/uploads/{upload_id}/complete": [_POST],
    "/files/{file_id}": [_GET, _PATCH, _DELETE],
    "/files/{file_id}/download": [_GET],
    "/sign-in": [_GET],
}
OPEN_PATHS = {
    "/sign-in": "It tells programs where people sign in, which they ask before they have a token; "
    "nothing in its answer is secret.",
}

# The issuer's id of a person, which means nothing outside of the issuer.
_LOGGED = {"owner": "$context.authorizer.claims.sub"}


class FilesApi(ServiceApi):
    """A `ServiceApi` whose routes, except `OPEN_PATHS`, need a token of `issuer` for `audience`.

    API Gateway checks signature, issuer, audience and times itself. Pages of `cors_origins` may
    call it; a preflight request needs no token.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: lambda_.IFunction,
        issuer: str,
        audience: str,
        cors_origins: Sequence[str],
        settings: ApiSettings,
    ) -> None:
        super().__init__(
            scope,
            id,
            description="Wideload files: files of any size, straight to S3",
            routes=ROUTES,
            open_paths=OPEN_PATHS,
            handler=handler,
            authorizer=HttpJwtAuthorizer("TokenAuthorizer", issuer, jwt_audience=[audience]),
            cors=_cors(cors_origins) if cors_origins else None,
            settings=settings,
            logged=_LOGGED,
        )


def _cors(origins: Sequence[str]) -> apigateway.CorsPreflightOptions:
    return apigateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[
            apigateway.CorsHttpMethod.GET,
            apigateway.CorsHttpMethod.POST,
            apigateway.CorsHttpMethod.PATCH,
            apigateway.CorsHttpMethod.DELETE,
        ],
        allow_headers=["authorization", "content-type"],
        # Pages read everything else from the body.
        expose_headers=["retry-after"],
        max_age=PREFLIGHT_CACHE,
    )
