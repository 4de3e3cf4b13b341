"""What the documentation says is so: links, names, defaults, commands, examples."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from samcli.yamlhelper import yaml_parse

import parsing
from bellhop.chat.access import ROLES, Person, parse_access
from bellhop.scaling.policy import parse_policy
from bellhop.scaling.reason import Reason
from feed_document import FeedsDocument, parse_feeds
from local.cluster.schema import faults, prune
from local.ports import Ports
from registry import Command, registered
from routing import parse_routes

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
}
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
COMMANDS = {command.name: command for command in registered().values()}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HERE_DOCUMENT = re.compile(r"(\S+) (?:- )?<<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """(page, text) of every fenced block in one of the languages."""
    for page, text in PAGES.items():
        for found in _BLOCK.finditer(text):
            if found[1] in languages:
                yield page, found[2]


def shell() -> Iterator[tuple[str, str]]:
    yield from blocks("sh", "bash")


def prose(page: str) -> str:
    return _BLOCK.sub("", PAGES[page])


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = PAGES[page].split(f"{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines, f"no table under {heading} in {page}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[0].splitlines()[2:]]


def anchors(page: str) -> set[str]:
    """A page's anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_page_and_a_heading_that_exist(page: str) -> None:
    for target in _LINK.findall(_SPAN.sub("", prose(page))):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(str(file.resolve().relative_to(ROOT))), target


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(_LINK.findall(PAGES["README.md"]))
    assert {page for page in PAGES if page != "README.md"} <= linked


def test_pages_that_code_and_template_name_exist() -> None:
    sources = [ROOT / "template.yaml", ROOT / "Makefile", ROOT / "pyproject.toml"]
    for folder in ("functions", "layers/shared/bellhop", "kubernetes", "local"):
        sources += [f for f in (ROOT / folder).rglob("*") if f.suffix in {".py", ".yaml"}]
    named = {name for source in sources for name in re.findall(r"docs/[\w-]+\.\w+", source.read_text())}
    assert named
    assert not {name for name in named if not (ROOT / name).exists()}


def test_every_template_parameter_is_documented_with_its_default() -> None:
    documented = {
        _SPAN.findall(name)[0]: default
        for name, default, _ in rows("docs/configuration.md", "## Template parameters")
    }
    shown = {"": "(empty)", None: "(none)"}
    actual = {
        name: shown.get(default := parameter.get("Default"), f"`{default}`")
        for name, parameter in TEMPLATE["Parameters"].items()
    }
    assert documented == actual


def test_the_readme_names_the_parameters_that_are_not_for_tests() -> None:
    named = {name for row in rows("README.md", "## Configure") for name in _SPAN.findall(row[0])}
    for_tests = {n for n, p in TEMPLATE["Parameters"].items() if "only in tests" in p["Description"].lower()}
    assert named == TEMPLATE["Parameters"].keys() - for_tests


def test_every_name_in_parameter_store_is_documented() -> None:
    used = {
        value["Fn::Sub"].replace("${AWS::StackName}", "bellhop")
        for resource in TEMPLATE["Resources"].values()
        for value in resource.get("Properties", {}).get("Environment", {}).get("Variables", {}).values()
        if isinstance(value, dict) and value.get("Fn::Sub", "").startswith("/${AWS::StackName}/")
    }
    assert {_SPAN.findall(row[0])[0] for row in rows("docs/configuration.md", "## Parameter Store")} == used


def test_every_output_that_is_used_exists() -> None:
    used = {name for _, text in shell() for name in re.findall(r"\$\(output (\w+)\)", text)}
    used |= {name for page in PAGES for name in re.findall(r"output\s+`(\w+)`", prose(page))}
    assert "ScalingRoleArn" in used
    assert used <= TEMPLATE["Outputs"].keys()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        t for _, text in shell() for t in re.findall(r"^(?:\w+=\S+ )*make ([a-z-]+)", text, re.MULTILINE)
    }
    named |= {t for page in PAGES for t in re.findall(r"`(?:\w+=\S+ )*make\s+([a-z-]+)", prose(page))}
    assert {"run", "test", "deploy"} <= named
    assert named <= targets


def test_every_command_is_documented_by_its_usage_summary_and_role() -> None:
    least = {risk: role for role, risk in ROLES.items()}
    documented = [tuple(row) for row in rows("docs/commands.md", "# Commands")]
    assert sorted(documented) == sorted((f"`{c.usage}`", c.summary, least[c.risk]) for c in COMMANDS.values())


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_has_a_section_with_its_examples_and_aliases(command: Command) -> None:
    page = PAGES["docs/commands.md"]
    section = re.split(r"^## ", page.split(f"\n## {command.name}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    assert all(f"`{alias}`" in section for alias in command.aliases)
    assert all(f"/bellhop {example}\n" in section for example in command.examples)


def test_every_command_that_is_shown_is_one() -> None:
    shown = [
        line for _, text in blocks("text") for line in re.findall(r"^/bellhop (.+)$", text, re.MULTILINE)
    ]
    shown += [text for page in PAGES for text in re.findall(r"`/bellhop ([^`]+)`", prose(page))]
    assert shown
    for line in shown:
        name, *given = parsing.words(line)
        command = parsing.find(registered(), name, allowed=())
        if given:
            parsing.bind(command, given)


def test_the_command_that_shows_how_to_add_one_works() -> None:
    (source,) = [text for _, text in blocks("python")]
    module: dict[str, Any] = {}
    exec(compile(source, "docs/commands.md", "exec"), module)
    command: Command = module["COMMAND"]
    assert command.name not in COMMANDS
    name, *given = parsing.words(command.examples[0])
    assert (name, parsing.bind(command, given)) == (command.name, {})
    call = SimpleNamespace(person=Person("ana", ("operator",)))
    assert module["run"](call).text == "You are *ana* (operator)."


def documents() -> Iterator[tuple[str, str]]:
    """(page, text) of every JSON document that is shown: blocks of their own, and files that commands write."""
    yield from blocks("json")
    for page, text in shell():
        for target, document in _HERE_DOCUMENT.findall(text):
            if target.endswith(".json"):
                yield page, document


def test_every_document_is_accepted() -> None:
    found = set()
    for _, text in documents():
        match json.loads(text):
            case {"persons": persons}:
                access = parse_access(text)
                assert all(access.person(known) for person in persons.values() for known in person["ids"])
                found.add("access")
            case {"slack": {"channel": channel}}:
                routes = parse_routes(text)
                assert routes.slack is not None
                assert routes.slack.channel == channel
                found.add("notifications")
            case {"joke": _, "fact": _}:
                assert parse_feeds(text) == FeedsDocument()
                found.add("feeds")
            case {"replicas": _, "reason": _, "because": _}:
                pass  # the decision's answer: test_scaling_command_line.py
            case other:
                pytest.fail(f"which document is {other}?")
    assert found == {"access", "notifications", "feeds"}


def policies() -> Iterator[dict[str, Any]]:
    texts = [text for _, text in blocks("yaml")]
    texts += [document for _, text in shell() for _, document in _HERE_DOCUMENT.findall(text)]
    for text in texts:
        for resource in yaml.safe_load_all(text):
            if resource.get("kind") == "ScalingPolicy":
                yield resource


def test_every_policy_is_accepted_by_the_schema_and_by_the_code() -> None:
    definition = yaml.safe_load((ROOT / "kubernetes/scalingpolicy.yaml").read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    shown = list(policies())
    assert len(shown) >= 4
    for resource in shown:
        assert resource["apiVersion"] == "bellhop.dev/v1alpha1"
        kept, dropped = prune(schema, resource)
        assert dropped == []
        assert faults(schema, kept) == []
        made = {"uid": "u", "resourceVersion": "1"} | resource["metadata"]
        assert parse_policy(resource | {"metadata": made}).problem() is None


def test_every_reason_is_explained() -> None:
    explained = {name for row in rows("docs/scaling.md", "## Reasons") for name in _SPAN.findall(row[0])}
    assert {str(reason) for reason in Reason} <= explained


def test_the_slack_app_asks_for_what_the_page_says_and_calls_the_door() -> None:
    app = yaml.safe_load((ROOT / "docs/slack-manifest.yaml").read_text())
    said = {_SPAN.findall(row[0])[0] for row in rows("docs/chat.md", "## The Slack app")}
    assert set(app["oauth_config"]["scopes"]["bot"]) == said
    (command,) = app["features"]["slash_commands"]
    route = TEMPLATE["Resources"]["WebhooksFunction"]["Properties"]["Events"]["SlackCommands"]["Properties"]
    assert command["command"] == "/bellhop"
    assert command["url"].endswith(f".amazonaws.com{route['Path']}")
    for setting, path in (("event_subscriptions", "/slack/events"), ("interactivity", "/slack/interactions")):
        assert app["settings"][setting]["request_url"].endswith(f".amazonaws.com{path}")


def test_ports_of_the_local_cloud_are_the_defaults() -> None:
    said = {_SPAN.findall(row[2])[0]: int(row[1]) for row in rows("docs/local-cloud.md", "## What runs")}
    default = Ports()
    assert said == {f"BELLHOP_PORT_{n.upper()}": getattr(default, n) for n in default.__slots__}


@pytest.mark.parametrize(
    "name", ["AlarmsQueue", "ScalingQueue", "JobsQueue", "CommandsQueue", "NotificationsQueue"], ids=str.lower
)
def test_what_is_said_of_retries_is_what_the_template_does(name: str) -> None:
    queue = TEMPLATE["Resources"][name]["Properties"]
    suffix = queue["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
    (row,) = [r for r in rows("docs/operations.md", "## What is retried") if r[0].endswith(f" in `{suffix}`")]
    seconds = queue["VisibilityTimeout"]
    pause = f"every {seconds} s" if seconds % 60 else f"every {seconds // 60} minutes"
    assert row[1].startswith(pause)
    assert row[2].startswith(f"received {queue['RedrivePolicy']['maxReceiveCount']} times")


@pytest.mark.parametrize(("page", "text"), list(shell()))
def test_every_shell_block_is_one(page: str, text: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


#: Of the AWS CLI itself, with any command.
_GLOBAL_OPTIONS = {"query", "output"}


def aws_calls() -> Iterator[tuple[str, str, set[str]]]:
    """(service, operation, options without dashes) of every call of the AWS CLI that is shown."""
    for _, text in shell():
        for line in text.replace("\\\n", " ").splitlines():
            for begin in re.finditer(r"(?:^|[ (])aws ", line):
                lexer = shlex.shlex(line[begin.end() :], posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                words = list(itertools.takewhile(lambda word: word not in {"|", ")", ";", "&&"}, lexer))
                yield words[0], words[1], {word[2:] for word in words if word.startswith("--")}


def test_every_aws_command_and_its_options_exist() -> None:
    session = botocore.session.Session()
    calls = list(aws_calls())
    assert len(calls) > 20
    for service, operation, given in calls:
        model = session.get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in operations, f"aws {service} {operation}"
        shape = model.operation_model(operations[operation]).input_shape
        assert shape is not None
        options = {xform_name(name, "-"): name for name in shape.members}
        assert given <= options.keys() | _GLOBAL_OPTIONS, f"aws {service} {operation}"
        required = {option for option, name in options.items() if name in shape.required_members}
        assert required <= given, f"aws {service} {operation}"
