"""`ServiceApi`: an HTTP API with one function behind all routes, and its settings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

import jsii
from aws_cdk import Names, Token
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from wideload_cdk.shared.checks import check_domain, check_limit
from wideload_cdk.shared.findings import acknowledge
from wideload_cdk.shared.limits import BURST_LIMIT, RATE_LIMIT
from wideload_cdk.shared.logs import LogSettings, new_log_group
from wideload_cdk.shared.names import stack_suffix

# Routes that need neither key nor token get a tenth of the API's requests, so that a flood of them
# leaves the rest to the other routes.
OPEN_SHARE = 10

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


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLog:
    """Write one JSON object with `fields` per request to one log group."""

    def __init__(self, log_group: logs.ILogGroup, fields: Mapping[str, str]) -> None:
        self._destination = apigateway.LogGroupLogDestination(log_group)
        self._format = json.dumps(dict(fields), separators=(",", ":"))

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> rest.AccessLogFormat:
        return rest.AccessLogFormat.custom(self._format)


@dataclasses.dataclass(frozen=True)
class ApiSettings:
    """Throttling, domain name and access log of an API.

    Raises:
        ValueError: A limit is out of range, or only one of `domain_name` and `certificate` is
            given.
    """

    rate_limit: int
    burst_limit: int
    domain_name: str | None
    certificate: acm.ICertificate | None
    logs: LogSettings

    def __post_init__(self) -> None:
        check_limit("rate_limit", self.rate_limit, RATE_LIMIT)
        check_limit("burst_limit", self.burst_limit, BURST_LIMIT)
        check_domain(self.domain_name, self.certificate)


class ServiceApi(apigateway.HttpApi):
    """An HTTP API with one function behind all routes.

    `routes` maps paths to methods. `open_paths` maps the paths that need no authorization to the
    reason why; their routes are throttled more than the others. The `$default` stage is deployed
    on every change, and writes the fields `_LOGGED` and `logged` to a log group of its own.
    """

    stage: apigateway.HttpStage
    """The API's only stage, `$default`."""
    access_log_group: logs.LogGroup
    """The access log, one JSON object per request."""
    url_base: str
    """Base URL, with the domain name if there is one, without a slash at the end."""
    domain_target: str | None
    """The target of a DNS record for the domain name, if there is one."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        routes: Mapping[str, Sequence[apigateway.HttpMethod]],
        handler: lambda_.IFunction,
        authorizer: apigateway.IHttpRouteAuthorizer,
        settings: ApiSettings,
        logged: Mapping[str, str],
        open_paths: Mapping[str, str] | None = None,
        cors: apigateway.CorsPreflightOptions | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            api_name=Names.unique_resource_name(scope, max_length=128, separator="-"),
            description=description,
            create_default_stage=False,
            default_authorizer=authorizer,
            cors_preflight=cors,
        )
        # One permission for the API instead of one for each route.
        integration = HttpLambdaIntegration("Function", handler, scope_permission_to_route=False)
        open_routes: list[apigateway.HttpRoute] = []
        for path, methods in routes.items():
            reason = (open_paths or {}).get(path)
            made = self.add_routes(
                path=path,
                methods=list(methods),
                integration=integration,
                authorizer=apigateway.HttpNoneAuthorizer() if reason else None,
            )
            if reason:
                open_routes += made
                for route in made:
                    acknowledge(route, {"AwsSolutions-APIG4": reason})
        # API Gateway adds each log group of another name to one resource policy of the account and
        # region, which ends at 5,120 characters; then no stage can be made. The stack's id keeps
        # the name apart from the group that an earlier stack of the same name has left:
        # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
        # https://github.com/serverless/serverless/issues/10469
        name = Names.unique_resource_name(self, max_length=200, separator="-")
        self.access_log_group = new_log_group(
            self,
            # Not `AccessLogs`: that was the id of a group with a generated name. If this group
            # replaced it, a deployment that is rolled back could keep the new group, and the next
            # deployment would find its name taken.
            "AccessLog",
            settings.logs,
            log_group_name=f"/aws/vendedlogs/{name}-{stack_suffix(self)}",
        )
        self.stage = apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=self,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.rate_limit, burst_limit=settings.burst_limit
            ),
            access_log_settings=_AccessLog(self.access_log_group, {**_LOGGED, **logged}),
        )
        _throttle_open_routes(self.stage, open_routes, settings)
        self.url_base, self.domain_target = self.api_endpoint, None
        if settings.domain_name is not None and settings.certificate is not None:
            # TLS 1.2 is the only security policy for the domain of an HTTP API:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html
            domain = apigateway.DomainName(
                self,
                "Domain",
                domain_name=settings.domain_name,
                certificate=settings.certificate,
            )
            self.url_base = f"https://{settings.domain_name}"
            self.domain_target = domain.regional_domain_name
            # Not the stage's `domain_mapping`: it puts the stack's name into the logical id.
            apigateway.ApiMapping(
                self, "DomainMapping", api=self, domain_name=domain, stage=self.stage
            )


def _throttle_open_routes(
    stage: apigateway.HttpStage, routes: Sequence[apigateway.HttpRoute], settings: ApiSettings
) -> None:
    if not routes:
        return
    resource = stage.node.default_child
    assert isinstance(resource, apigateway.CfnStage)  # noqa: S101 - for the type checker
    throttle = {
        "ThrottlingRateLimit": _open_share(settings.rate_limit),
        "ThrottlingBurstLimit": _open_share(settings.burst_limit),
    }
    resource.route_settings = dict.fromkeys(map(_key_of, routes), throttle)
    # API Gateway refuses settings of a route that does not exist yet.
    stage.node.add_dependency(*routes)


def _key_of(route: apigateway.HttpRoute) -> str:
    """The route's key, such as `GET /sign-in`."""
    resource = route.node.default_child
    assert isinstance(resource, apigateway.CfnRoute)  # noqa: S101 - for the type checker
    return resource.route_key


def _open_share(limit: int) -> int:
    """A tenth of `limit`, or `limit` itself if it is known only at deployment."""
    return limit if Token.is_unresolved(limit) else max(1, limit // OPEN_SHARE)
