"""A ScalingPolicy from a YAML file, as it would be applied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bellhop.errors import RefusedError
from bellhop.scaling.policy import GROUP, KIND, VERSION, Policy, parse_policy
from local.replay.faults import FileError, text_of

_API_VERSION = f"{GROUP}/{VERSION}"


def read_policy(path: Path, name: str | None = None) -> Policy:
    """The one ScalingPolicy in the file, or the one of that name; other documents are passed over, and so is a
    status. Raises FileError."""
    try:
        documents = list(yaml.safe_load_all(text_of(path)))
    except yaml.YAMLError as error:
        raise FileError(path, *_of_yaml(error)) from None
    found = [each for each in documents if isinstance(each, dict) and each.get("kind") == KIND]
    named = {_name(each): each for each in found if name is None or _name(each) == name}
    if not named:
        what = f"no {KIND}" if name is None else f"no {KIND} named {name}"
        others = f"; it has {', '.join(map(_name, found))}" if found else ""
        raise FileError(path, None, f"has {what}{others}")
    if len(named) > 1:
        raise FileError(path, None, f"has several policies: choose with --name, of {', '.join(named)}")
    return _parsed(path, next(iter(named.values())))


def _parsed(path: Path, document: dict[str, Any]) -> Policy:
    if document.get("apiVersion") != _API_VERSION:
        raise FileError(
            path, None, f"{_name(document)}: apiVersion {document.get('apiVersion')} is not {_API_VERSION}"
        )
    if not isinstance(document.get("spec"), dict):
        raise FileError(path, None, f"{_name(document)} has no spec")
    metadata = {"namespace": "default", "uid": "", "resourceVersion": "", **_metadata(document)}
    metadata["annotations"] = None  # a hold of its own is not the recorded day's
    try:
        policy = parse_policy({**document, "metadata": metadata, "status": None})
    except RefusedError as error:
        raise FileError(path, None, str(error)) from None
    if problem := policy.problem():
        raise FileError(path, None, f"policy {policy.namespace}/{policy.name}: {problem}")
    return policy


def rehearsed(policy: Policy) -> tuple[Policy, list[str]]:
    """The policy without what would keep it from acting, and remarks on what was left out."""
    remarks = []
    if policy.spec.dry_run:
        remarks.append("dryRun is left out: in truth this policy changes nothing")
    if policy.spec.paused:
        remarks.append("paused is left out: in truth this policy changes nothing")
    if policy.spec.approval is not None:
        remarks.append(f"nobody approves what is above {policy.spec.approval.above}")
    if len(policy.spec.triggers) > 1:
        remarks.append("only one trigger is played: the others never ring")
    spec = msgspec.structs.replace(policy.spec, dry_run=False, paused=False)
    return msgspec.structs.replace(policy, spec=spec), remarks


def _metadata(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    return {"name": "unnamed"} | (dict(metadata) if isinstance(metadata, dict) else {})


def _name(document: Mapping[str, Any]) -> str:
    return str(_metadata(document)["name"])


def _of_yaml(error: yaml.YAMLError) -> tuple[int | None, str]:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return error.problem_mark.line + 1, f"is not YAML: {error.problem}"
    return None, "is not YAML"
