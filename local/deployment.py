"""The stack on MiniStack: built and deployed by the SAM CLI from the template that goes to AWS."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local.processes import LocalCloudError, run

STACK = "bellhop"
REGION = "eu-west-1"
#: MiniStack's own root credentials; they are good for nothing else.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_FUNCTION_IN_URI = re.compile(r"\$\{(\w+)\.Arn\}/invocations")


def architecture() -> str:
    """This machine's, as Lambda calls it: functions run here, so their packages must fit here."""
    machine = platform.machine().lower()
    if machine not in _ARCHITECTURES:
        raise LocalCloudError(f"the packages in the layer are not built for {machine}")
    return _ARCHITECTURES[machine]


@dataclass(frozen=True, slots=True)
class Deployment:
    """aws_url: MiniStack's. environment: for the commands. root: the repository. logs: a folder."""

    aws_url: str
    environment: Mapping[str, str]
    root: Path
    logs: Path

    def build(self) -> None:
        """`make build`, bytecode included."""
        overrides = f"SAM_BUILD_ARGS=--parameter-overrides Architecture={architecture()}"
        command = ["make", "--no-print-directory", "build", "CONFIG=local", overrides]
        run(
            "make build", command, environment=self.environment, folder=self.root, log=self.logs / "build.log"
        )

    def deploy(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """`sam deploy`, then the routes MiniStack leaves out. Answers the stack's outputs."""
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        command = ["sam", "deploy", "--config-env", "local", "--parameter-overrides", *overrides]
        run(
            "sam deploy",
            command,
            environment=self.environment,
            folder=self.root,
            log=self.logs / "deploy.log",
        )
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        self._make_routes(outputs["HttpApiId"])
        return outputs

    def client(self, service: str) -> Any:  # noqa: ANN401  boto3 makes clients at run time
        """A boto3 client for MiniStack, as its root."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.aws_url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def _make_routes(self, api: str) -> None:
        # MiniStack makes the API but reads no routes from its OpenAPI body, where SAM puts them.
        formation, gateway = self.client("cloudformation"), self.client("apigatewayv2")
        template = formation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
        resources = (json.loads(template) if isinstance(template, str) else template)["Resources"]
        existing = {r["RouteKey"] for r in gateway.get_routes(ApiId=api)["Items"]}
        for key, function in routes(resources):
            if key in existing:
                continue
            detail = formation.describe_stack_resource(StackName=STACK, LogicalResourceId=function)
            name = detail["StackResourceDetail"]["PhysicalResourceId"]
            arn = self.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
            integration = gateway.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
            )
            target = f"integrations/{integration['IntegrationId']}"
            gateway.create_route(ApiId=api, RouteKey=key, Target=target)


def routes(resources: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(route key, logical id of the function) for every route in the processed template's HTTP APIs."""
    for resource in resources.values():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        for path, methods in resource["Properties"].get("Body", {}).get("paths", {}).items():
            for method, operation in methods.items():
                uri = operation["x-amazon-apigateway-integration"]["uri"]
                found = _FUNCTION_IN_URI.search(uri["Fn::Sub"] if isinstance(uri, dict) else uri)
                if found is None:
                    raise LocalCloudError(f"{method.upper()} {path} leads to no function of the template")
                yield f"{method.upper()} {path}", found.group(1)
