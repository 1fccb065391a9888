"""A deployed environment, known by the outputs of its stacks and by what AWS says of it."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError

SERVICES = ("ingest", "files", "web", "web-content", "monitoring", "network")


@dataclass(frozen=True)
class Resource:
    """A resource, with its properties as the template declares them."""

    name: str
    """Logical id."""
    id: str
    """Physical id."""
    type: str
    service: str
    properties: Mapping[str, Any]


class Deployment:
    """
    Args:
        environment: Its name, as in the names of its stacks.
        session: A boto3 session with the operator's credentials, and a region.
    """

    def __init__(self, environment: str, session: Any) -> None:
        self.environment = environment
        self._session = session
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        if service not in self._clients:
            options = {"config": self._s3_config()} if service == "s3" else {}
            self._clients[service] = self._session.client(service, **options)
        return self._clients[service]

    def _s3_config(self) -> Config:
        """Else URLs are signed by the version before, which signs less, and for the global host,
        which redirects from it for the first hours of a bucket in another region.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
        """
        signed = Config(signature_version="s3v4")
        # The embedded cloud's paths name buckets.
        return signed if self.embedded else signed.merge(Config(s3={"addressing_style": "virtual"}))

    def table(self, name: str) -> Any:
        """A DynamoDB table, as a boto3 resource."""
        return self._session.resource("dynamodb").Table(name)

    @functools.cached_property
    def outputs(self) -> dict[str, dict[str, str]]:
        """Of each stack that is deployed, by service.

        Raises:
            LookupError: No stack of the environment is there.
        """
        found = {
            service: {
                output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])
            }
            for service in SERVICES
            if (stack := self._stack(service))
        }
        if not found:
            raise LookupError(
                f"No stack wideload-{self.environment}-… is in {self.region}: say another ENV, "
                "or check the region and account of your AWS credentials."
            )
        return found

    @functools.cached_property
    def resources(self) -> list[Resource]:
        """Of all stacks."""
        return [one for service in self.outputs for one in self._resources(service)]

    def of_type(self, kind: str, *services: str) -> list[Resource]:
        """Resources of a type such as `AWS::S3::Bucket`, of all services or of these."""
        return [
            one
            for one in self.resources
            if one.type == kind and (not services or one.service in services)
        ]

    def has(self, service: str) -> bool:
        return service in self.outputs

    @property
    def region(self) -> str:
        region: str = self.client("cloudformation").meta.region_name
        return region

    @property
    def embedded(self) -> bool:
        """Whether it is on the embedded cloud."""
        return urlsplit(self.client("cloudformation").meta.endpoint_url).hostname == "localhost"

    def lines(self, group: str, since: float, pattern: str = "") -> Iterator[dict[str, Any]]:
        """JSON lines that a log group got since a time (seconds of the epoch); others as
        `{"text": line}`."""
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, startTime=int(since * 1000), filterPattern=pattern)
        )
        for page in pages:
            for event in page["events"]:
                try:
                    line = json.loads(event["message"])
                except ValueError:
                    line = {"text": event["message"]}
                yield line

    def _stack(self, service: str) -> dict[str, Any] | None:
        name = f"wideload-{self.environment}-{service}"
        try:
            [stack] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None
        return dict(stack)

    def _resources(self, service: str) -> Iterator[Resource]:
        formation, name = self.client("cloudformation"), f"wideload-{self.environment}-{service}"
        template = formation.get_template(StackName=name)["TemplateBody"]
        if isinstance(template, str):
            template = json.loads(template)
        for page in formation.get_paginator("list_stack_resources").paginate(StackName=name):
            for one in page["StackResourceSummaries"]:
                declared = template["Resources"].get(one["LogicalResourceId"], {})
                yield Resource(
                    one["LogicalResourceId"],
                    one["PhysicalResourceId"],
                    one["ResourceType"],
                    service,
                    declared.get("Properties", {}),
                )


def until(look: Callable[[], Any], *, seconds: float, pause: float = 1.0) -> Any:
    """Call `look` until its value is true or the seconds are over, and return the value."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(pause)
    return found
