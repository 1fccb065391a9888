"""An HTTP API behind a Lambda authorizer that reads a key from one header."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import jsii
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

# How long a key goes on working after it was revoked.
AUTHORIZER_CACHE = Duration.minutes(5)

# Nothing that a client writes freely: no header, path or query string, so that no key or
# signature gets into the log, and no quote can break its JSON.
ACCESS_LOG_FORMAT = json.dumps(
    {
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
        "tenant": "$context.authorizer.tenant",
        "key_id": "$context.authorizer.key_id",
    },
    separators=(",", ":"),
)


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLog:
    """`ACCESS_LOG_FORMAT` to one log group."""

    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._destination = apigateway.LogGroupLogDestination(log_group)

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> rest.AccessLogFormat:
        return rest.AccessLogFormat.custom(ACCESS_LOG_FORMAT)


class KeyedHttpApi(apigateway.HttpApi):
    """An HTTP API all of whose routes go to one function, each behind the key.

    `routes` maps paths to methods. The `$default` stage is deployed on every change,
    throttled, and writes `ACCESS_LOG_FORMAT` to a log group of its own.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api_name: str,
        description: str,
        routes: Mapping[str, Sequence[apigateway.HttpMethod]],
        handler: lambda_.IFunction,
        authorizer: lambda_.IFunction,
        api_key_header: str,
        rate_limit: int,
        burst_limit: int,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            id,
            api_name=api_name,
            description=description,
            create_default_stage=False,
            default_authorizer=HttpLambdaAuthorizer(
                "KeyAuthorizer",
                authorizer,
                identity_source=[f"$request.header.{api_key_header}"],
                response_types=[HttpLambdaResponseType.SIMPLE],
                results_cache_ttl=AUTHORIZER_CACHE,
            ),
        )
        # One permission for the API instead of one for each route.
        integration = HttpLambdaIntegration("Function", handler, scope_permission_to_route=False)
        for path, methods in routes.items():
            self.add_routes(path=path, methods=list(methods), integration=integration)
        self.access_log_group = logs.LogGroup(
            self, "AccessLogs", retention=log_retention, removal_policy=removal_policy
        )
        self.stage = apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=self,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=rate_limit, burst_limit=burst_limit),
            access_log_settings=_AccessLog(self.access_log_group),
        )
