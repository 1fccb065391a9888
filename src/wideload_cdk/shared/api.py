"""HTTP APIs whose routes all go to one function: behind an API key, or behind a token."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Duration, Names, RemovalPolicy, Token
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import (
    HttpJwtAuthorizer,
    HttpLambdaAuthorizer,
    HttpLambdaResponseType,
)
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from wideload_cdk.shared.logs import new_log_group
from wideload_cdk.shared.names import stack_suffix

# How long a key goes on working after it was revoked.
AUTHORIZER_CACHE = Duration.minutes(5)

# Routes that need neither key nor token get a tenth of the API's requests, so that who floods them
# leaves the rest to the others.
OPEN_SHARE = 10

# How long a browser remembers what a preflight answered.
PREFLIGHT_CACHE = Duration.hours(1)

# Nothing that a client writes freely: no header, path or query string, so that no key, token or
# signature gets into the log, and no quote can break its JSON.
_LOGGED = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "protocol": "$context.protocol",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_status": "$context.integrationStatus",
    "integration_latency_ms": "$context.integrationLatency",
    "function_request_id": "$context.integration.requestId",
    "integration_error": "$context.integrationErrorMessage",
    "error": "$context.error.message",
    "authorizer_error": "$context.authorizer.error",
}
_LOGGED_OF_KEYS = {
    "tenant": "$context.authorizer.tenant",
    "key_id": "$context.authorizer.key_id",
}
# The issuer's name for a person, which says nothing to anybody else.
_LOGGED_OF_TOKENS = {"owner": "$context.authorizer.claims.sub"}


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLog:
    """One JSON object per request, with `fields`, to one log group."""

    def __init__(self, log_group: logs.ILogGroup, fields: Mapping[str, str]) -> None:
        self._destination = apigateway.LogGroupLogDestination(log_group)
        self._format = json.dumps(dict(fields), separators=(",", ":"))

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> rest.AccessLogFormat:
        return rest.AccessLogFormat.custom(self._format)


class _HttpApi(apigateway.HttpApi):
    """An HTTP API all of whose routes go to one function.

    `routes` maps paths to methods. The `$default` stage is deployed on every change,
    throttled, `open_paths` more than the others, and writes `_LOGGED` and `logged` to a log group
    of its own.
    """

    url_base: str
    """Where clients reach it: its own domain name, if it has one. No slash at the end."""
    domain_target: str | None
    """What a DNS record for that name must point at."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api_name: str,
        description: str,
        routes: Mapping[str, Sequence[apigateway.HttpMethod]],
        handler: lambda_.IFunction,
        authorizer: apigateway.IHttpRouteAuthorizer,
        open_paths: Sequence[str] = (),
        cors: apigateway.CorsPreflightOptions | None = None,
        logged: Mapping[str, str],
        rate_limit: int,
        burst_limit: int,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        encryption_key: kms.IKey | None,
        domain_name: str | None,
        certificate: acm.ICertificate | None,
    ) -> None:
        super().__init__(
            scope,
            id,
            api_name=api_name,
            description=description,
            create_default_stage=False,
            default_authorizer=authorizer,
            cors_preflight=cors,
        )
        # One permission for the API instead of one for each route.
        integration = HttpLambdaIntegration("Function", handler, scope_permission_to_route=False)
        self.open_routes: list[apigateway.HttpRoute] = []
        for path, methods in routes.items():
            is_open = path in open_paths
            made = self.add_routes(
                path=path,
                methods=list(methods),
                integration=integration,
                authorizer=apigateway.HttpNoneAuthorizer() if is_open else None,
            )
            if is_open:
                self.open_routes += made
        # Each other group that takes access logs goes into one resource policy of the account and
        # region, which ends at 5,120 characters; then no stage can be made. The stack's id tells
        # the group from one that an earlier stack of the same name has left:
        # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
        # https://github.com/serverless/serverless/issues/10469
        name = Names.unique_resource_name(self, max_length=200, separator="-")
        self.access_log_group = new_log_group(
            self,
            # Not `AccessLogs`: that was a group without a name of ours. To replace it would be a
            # rollback's chance to keep the new one, whose name the next deployment found taken.
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/{name}-{stack_suffix(self)}",
            retention=log_retention,
            removal_policy=removal_policy,
            encryption_key=encryption_key,
        )
        self.stage = apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=self,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=rate_limit, burst_limit=burst_limit),
            access_log_settings=_AccessLog(self.access_log_group, {**_LOGGED, **logged}),
        )
        self._throttle_open_routes(rate_limit, burst_limit)
        self.url_base, self.domain_target = self.api_endpoint, None
        if domain_name is not None and certificate is not None:
            # TLS 1.2 is the least that an HTTP API's domain can have, and the most:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html
            domain = apigateway.DomainName(
                self, "Domain", domain_name=domain_name, certificate=certificate
            )
            self.url_base = f"https://{domain_name}"
            self.domain_target = domain.regional_domain_name
            # Not the stage's `domain_mapping`: it puts the stack's name into the logical id.
            apigateway.ApiMapping(
                self, "DomainMapping", api=self, domain_name=domain, stage=self.stage
            )

    def _throttle_open_routes(self, rate_limit: int, burst_limit: int) -> None:
        if not self.open_routes:
            return
        resource = self.stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)  # noqa: S101 - for the type checker
        settings = {
            "ThrottlingRateLimit": _open_share(rate_limit),
            "ThrottlingBurstLimit": _open_share(burst_limit),
        }
        resource.route_settings = dict.fromkeys(map(_key_of, self.open_routes), settings)
        # API Gateway refuses settings of a route that isn't there yet.
        self.stage.node.add_dependency(*self.open_routes)


class KeyedHttpApi(_HttpApi):
    """An `_HttpApi` each of whose routes asks `authorizer` about the key in one header."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        authorizer: lambda_.IFunction,
        api_key_header: str,
        **options: Any,
    ) -> None:
        super().__init__(
            scope,
            id,
            authorizer=HttpLambdaAuthorizer(
                "KeyAuthorizer",
                authorizer,
                identity_source=[f"$request.header.{api_key_header}"],
                response_types=[HttpLambdaResponseType.SIMPLE],
                results_cache_ttl=AUTHORIZER_CACHE,
            ),
            logged=_LOGGED_OF_KEYS,
            **options,
        )


class TokenHttpApi(_HttpApi):
    """An `_HttpApi` whose routes, but for `open_paths`, need a token of `issuer` for `audience`.

    API Gateway checks signature, issuer, audience and times itself. Pages of `cors_origins` may
    call it; a preflight needs no token.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        issuer: str,
        audience: str,
        cors_origins: Sequence[str],
        **options: Any,
    ) -> None:
        super().__init__(
            scope,
            id,
            authorizer=HttpJwtAuthorizer("TokenAuthorizer", issuer, jwt_audience=[audience]),
            cors=_cors(cors_origins) if cors_origins else None,
            logged=_LOGGED_OF_TOKENS,
            **options,
        )


def _key_of(route: apigateway.HttpRoute) -> str:
    """Such as `GET /sign-in`."""
    resource = route.node.default_child
    assert isinstance(resource, apigateway.CfnRoute)  # noqa: S101 - for the type checker
    return resource.route_key


def _open_share(limit: int) -> int:
    """What is known only at deployment can't be divided here."""
    return limit if Token.is_unresolved(limit) else max(1, limit // OPEN_SHARE)


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
        # Pages read all else from the body.
        expose_headers=["retry-after"],
        max_age=PREFLIGHT_CACHE,
    )
