"""Promises about the template that the SAM CLI's own lint does not keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from samcli.yamlhelper import yaml_parse

from reconcile import LEASE
from views import QueueDepth

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]

#: Statements that may name all resources, each with its reason.
UNNARROWED = {
    ("Key", "TheAccountDecides"): "a key's policy names the key itself by *",
    ("Key", "ThroughTheServicesItEncryptsFor"): "a key's policy names the key itself by *",
    ("Key", "SendersOnAwsSide"): "a key's policy names the key itself by *",
    (
        "CommandsRole",
        "ReadAlarms",
    ): "DescribeAlarms lists alarms, and gives composite ones, for no narrower resource",
    ("ScalingRole", "ReadMetrics"): "GetMetricData knows no narrower resource",
    ("ScalingRole", "ReadAlarms"): "DescribeAlarms gives composite alarms for no narrower resource",
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource.get("Properties", {})
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, key in of_type("AWS::KMS::Key").items():
        for statement in key["KeyPolicy"]["Statement"]:
            yield name, statement


QUEUES = of_type("AWS::SQS::Queue")
DEAD_LETTERS = {name for name in QUEUES if name.endswith("DeadLetterQueue")}
FUNCTIONS = of_type("AWS::Serverless::Function")


def get_att(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


@pytest.mark.parametrize("queue", sorted(QUEUES.keys() - DEAD_LETTERS))
def test_every_queue_has_its_own_dead_letter_queue(queue: str) -> None:
    target = QUEUES[queue]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert target == queue.replace("Queue", "DeadLetterQueue")
    assert QUEUES[target].get("FifoQueue") == QUEUES[queue].get("FifoQueue")
    assert QUEUES[target]["MessageRetentionPeriod"] > QUEUES[queue]["MessageRetentionPeriod"]


@pytest.mark.parametrize("queue", sorted(DEAD_LETTERS))
def test_every_dead_letter_queue_has_an_alarm_that_is_told(queue: str) -> None:
    watching = [
        alarm
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": [queue, "QueueName"]}
    ]
    (alarm,) = watching
    assert alarm["AlarmActions"] == [{"Ref": "NoticesTopic"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_bellhops_own_alarms_are_named_after_the_stack_so_that_scaling_can_tell() -> None:
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmName"]["Fn::Sub"].startswith("${AWS::StackName}-"), name
    environment = FUNCTIONS["ScalingFunction"]["Environment"]["Variables"]
    assert environment["OWN_ALARMS"] == {"Fn::Sub": "${AWS::StackName}-"}
    pattern = RESOURCES["AlarmRule"]["Properties"]["EventPattern"]["resources"][0]
    assert pattern["anything-but"]["prefix"]["Fn::Sub"].endswith(":alarm:${AWS::StackName}-")


def test_every_queue_is_shown_in_chat_and_dead_letters_by_their_name() -> None:
    (_, urls) = FUNCTIONS["CommandsFunction"]["Environment"]["Variables"]["QUEUES"]["Fn::Join"]
    assert sorted(url["Ref"] for url in urls) == sorted(QUEUES)
    (readable,) = [
        s["Resource"] for n, s in statements() if (n, s["Sid"]) == ("CommandsRole", "ReadHowMuchWaits")
    ]
    assert [arn["Fn::GetAtt"][0] for arn in readable] == [url["Ref"] for url in urls]
    for name, queue in QUEUES.items():
        assert QueueDepth(queue["QueueName"]["Fn::Sub"]).dead_letters is (name in DEAD_LETTERS)


def test_every_queue_topic_and_table_is_encrypted_under_the_customer_key() -> None:
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        for name, properties in of_type(kind).items():
            assert properties["KmsMasterKeyId"] == get_att("Key"), name
    for name, table in of_type("AWS::DynamoDB::Table").items():
        assert table["SSESpecification"]["KMSMasterKeyId"] == get_att("Key"), name
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
        assert table["TimeToLiveSpecification"]["Enabled"], name


def test_every_queue_but_dead_letters_has_a_policy_that_names_its_producers() -> None:
    governed = {
        ref["Ref"] for policy in of_type("AWS::SQS::QueuePolicy").values() for ref in policy["Queues"]
    }
    assert QUEUES.keys() - DEAD_LETTERS <= governed
    for name, policy in of_type("AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Condition"], name


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_has_its_role_and_a_log_group_with_a_retention(function: str) -> None:
    properties = FUNCTIONS[function]
    base = function.removesuffix("Function")
    assert properties["Role"] == get_att(f"{base}Role")
    assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{base}Logs"}
    assert RESOURCES[f"{base}Logs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("mapping", sorted(of_type("AWS::Lambda::EventSourceMapping")))
def test_a_function_ends_well_before_its_message_comes_again(mapping: str) -> None:
    properties = RESOURCES[mapping]["Properties"]
    function = FUNCTIONS[properties["FunctionName"]["Ref"]]
    queue = QUEUES[properties["EventSourceArn"]["Fn::GetAtt"][0]]
    # AWS's advice for an SQS source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 2 <= properties["ScalingConfig"]["MaximumConcurrency"] <= 1000


def test_a_function_that_sends_to_its_own_queue_is_not_taken_for_a_loop() -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    assert FUNCTIONS["ScalingFunction"]["RecursiveLoop"] == "Allow"


def test_a_scaling_lease_outlives_the_function_and_ends_before_the_redelivery() -> None:
    timeout = timedelta(seconds=FUNCTIONS["ScalingFunction"]["Timeout"])
    for queue in ("AlarmsQueue", "ScalingQueue"):
        assert timeout < LEASE < timedelta(seconds=QUEUES[queue]["VisibilityTimeout"])


def test_lambda_does_not_cut_the_chain_of_a_jobs_steps() -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html: stopped after about 16 by default
    assert FUNCTIONS["JobsFunction"]["RecursiveLoop"] == "Allow"


def test_no_statement_names_all_resources_without_a_reason() -> None:
    found = {(name, s["Sid"]) for name, s in statements() if s["Resource"] == "*"}
    assert found == UNNARROWED.keys()


def test_no_statement_grants_all_actions_of_a_service() -> None:
    for name, statement in statements():
        if (name, statement["Sid"]) == ("Key", "TheAccountDecides"):
            continue
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert not re.fullmatch(r"[a-z0-9]*:?\*", action), (name, action)


def test_secrets_are_parameters_names_in_the_environment_never_values() -> None:
    for name, function in FUNCTIONS.items():
        for variable, value in function["Environment"]["Variables"].items():
            if re.search("SECRET|TOKEN", variable):
                assert value["Fn::Sub"].startswith("/${AWS::StackName}/"), (name, variable)


def test_every_function_reads_the_settings_the_template_gives_it() -> None:
    """Both ways: nothing the code needs is missing, nothing the template gives is unread."""
    given_by_lambda = {"AWS_REGION"}
    for name, function in FUNCTIONS.items():
        module = function["Handler"].partition(".")[0]
        source = (ROOT / function["CodeUri"] / f"{module}.py").read_text()
        block = re.search(r"class Settings:\n.*?\n\n\n", source, re.DOTALL)
        assert block is not None, name
        fields = {match.upper() for match in re.findall(r"^    (\w+): str", block.group(), re.MULTILINE)}
        assert fields - given_by_lambda == function["Environment"]["Variables"].keys(), name


def test_every_parameter_is_described_and_grouped_and_every_output_described() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [parameter for group in groups for parameter in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])
    for name, item in (*TEMPLATE["Parameters"].items(), *TEMPLATE["Outputs"].items()):
        assert item["Description"], name


def test_the_http_api_is_throttled() -> None:
    settings = RESOURCES["HttpApi"]["Properties"]["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0


def test_the_layer_is_built_for_the_functions_architecture_and_python() -> None:
    layer = RESOURCES["SharedLayer"]
    assert layer["Metadata"] == {"BuildMethod": "python3.13", "BuildArchitecture": {"Ref": "Architecture"}}
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == "python3.13"
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64"


def test_what_kubernetes_grants_is_what_the_code_calls() -> None:
    roles = {
        role["metadata"]["name"]: role["rules"]
        for role in yaml.safe_load_all((ROOT / "kubernetes/rbac.yaml").read_text())
        if role["kind"] == "ClusterRole"
    }
    granted = {
        (resource, verb)
        for rules in roles.values()
        for rule in rules
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == {
        ("scalingpolicies", "get"),
        ("scalingpolicies", "list"),
        ("scalingpolicies/status", "patch"),
        ("deployments", "get"),
        ("statefulsets", "get"),
        ("deployments/scale", "patch"),
        ("statefulsets/scale", "patch"),
        ("horizontalpodautoscalers", "get"),
        ("horizontalpodautoscalers", "list"),
        ("horizontalpodautoscalers", "patch"),
        ("events", "create"),
        ("deployments", "patch"),
        ("statefulsets", "patch"),
        ("daemonsets", "get"),
        ("daemonsets", "patch"),
        ("nodes", "get"),
        ("nodes", "patch"),
        ("nodes", "list"),
        ("pods", "get"),
        ("pods", "list"),
        ("pods/log", "get"),
        ("deployments", "list"),
        ("statefulsets", "list"),
        ("daemonsets", "list"),
        ("pods/eviction", "create"),
    }
