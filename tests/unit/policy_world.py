"""ScalingPolicies, sound and not, and what the API server's schema and our code say to them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as mi
import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from bellhop.errors import RefusedError
from bellhop.scaling import spec as declared_in
from bellhop.scaling.policy import parse_policy
from bellhop.scaling.spec import Spec
from bellhop.scaling.steps import Step
from local.cluster.rules import broken_rules
from local.cluster.schema import apply_defaults, faults, prune

ROOT = Path(__file__).parents[2]
CRD = yaml.safe_load((ROOT / "kubernetes/scalingpolicy.yaml").read_text())
SCHEMA: dict[str, Any] = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

META = {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "7", "generation": 2}
REF = {"kind": "Deployment", "name": "web"}
HPA = {"kind": "HorizontalPodAutoscaler", "name": "web"}
ALARM = {"name": "web-cpu-high"}
ALERT = {"matchLabels": {"team": "shop"}}
TARGET = {"type": "Value", "value": 60}
BASE: dict[str, Any] = {
    "scaleTargetRef": REF,
    "maxReplicas": 12,
    "triggers": [{"alarm": ALARM, "target": TARGET}],
}


def told_by_the_schema(spec: dict[str, Any]) -> list[str]:
    """What the API server answers, as far as the stand-in is one; empty when it takes the policy."""
    item = {"apiVersion": "bellhop.dev/v1alpha1", "kind": "ScalingPolicy", "metadata": META, "spec": spec}
    kept, dropped = prune(SCHEMA, copy.deepcopy(item))
    assert dropped == []
    filled = apply_defaults(SCHEMA, kept)
    causes = faults(SCHEMA, filled) or broken_rules(SCHEMA, filled)
    return [f"{cause.field}: {cause.message}" for cause in causes]


def told_by_the_code(spec: dict[str, Any]) -> str | None:
    """Why the code does not act on the policy; None when it does."""
    try:
        return parse_policy({"metadata": META, "spec": spec}).problem()
    except RefusedError as error:
        return f"{error.code}: {error}"


def known(kind: mi.Type) -> mi.Type:
    """The type without None: what is None is left out."""
    if not isinstance(kind, mi.UnionType):
        return kind
    (one,) = (each for each in kind.types if not isinstance(each, mi.NoneType))
    return one


def choices(kind: mi.Type) -> list[Any]:
    match kind:
        case mi.EnumType():
            return [str(each) for each in kind.cls]
        case mi.LiteralType():
            return list(kind.values)
        case _:
            return []


_LENGTHS = ["30m", "1h30m", "30d", "45s", "0s", "", "5", "1w", "366d"]
_SPECIAL: dict[str, SearchStrategy[Any]] = {
    "apiVersion": st.sampled_from(["apps/v1", "autoscaling/v2"]),
    "arn": st.just("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web"),
    "evaluateEverySeconds": st.integers(10, 1000),
    "stabilizationWindowSeconds": st.integers(-10, 4000),
    "periodSeconds": st.integers(-10, 2000),
    **dict.fromkeys(("activeFor", "expiresAfter", "lasts"), st.sampled_from(_LENGTHS)),
}
#: The bounds of steps are few, so that they meet.
_NUMBERS = st.sampled_from([-10, -5, 0, 2.5, 5, 10])
_NAMES = st.sampled_from(["a", "web", "team"])
_TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def anything(kind: mi.Type, name: str = "") -> SearchStrategy[Any]:
    """JSON of a type of the model, contradictions included."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    match kind := known(kind):
        case mi.StructType():
            fields = {f.encode_name: (f.required, anything(f.type, f.encode_name)) for f in kind.fields}
            required = {n: made for n, (needed, made) in fields.items() if needed}
            return st.fixed_dictionaries(
                required, optional={n: made for n, (needed, made) in fields.items() if not needed}
            )
        case mi.VarTupleType():
            return st.lists(anything(kind.item_type), max_size=3)
        case mi.DictType():
            return st.dictionaries(_NAMES, _NAMES, max_size=2)
        case mi.DateTimeType():
            return _TIMES.map(lambda time: time.isoformat().replace("+00:00", "Z"))
        case mi.BoolType():
            return st.booleans()
        case mi.IntType():
            return st.integers(-1, 12)
        case mi.FloatType():
            return _NUMBERS
        case mi.StrType():
            return _NAMES
        case _:
            return st.sampled_from(choices(kind))


def struct_of(kind: type[msgspec.Struct]) -> mi.StructType:
    found = mi.type_info(kind)
    assert isinstance(found, mi.StructType)
    return found


_FIELDS = {
    kind: {f.encode_name: anything(f.type, f.encode_name) for f in struct_of(kind).fields}
    for kind in (Spec, declared_in.Trigger, declared_in.AlertMatch, declared_in.MetricTarget, Step)
}


_RULES = st.fixed_dictionaries(
    {},
    optional={
        "stabilizationWindowSeconds": st.integers(0, 3600),
        "tolerance": st.floats(0, 2),
        "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
        "policies": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["Pods", "Percent"]),
                    "value": st.integers(1, 1000),
                    "periodSeconds": st.integers(1, 1800),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    },
)


@st.composite
def sound_steps(draw: DrawFn) -> list[dict[str, Any]]:
    """Bands that meet, in any order."""
    inner = draw(st.lists(_NUMBERS, unique=True, max_size=4).map(sorted))
    edges = [*draw(st.sampled_from([[None], []])), *inner, *draw(st.sampled_from([[None], []]))]
    edges = edges if len(edges) > 1 else [None, None]
    change = anything(mi.type_info(Step))
    steps = [draw(change) | {"lowerBound": low, "upperBound": high} for low, high in pairwise(edges)]
    steps = [{name: each for name, each in step.items() if each is not None} for step in steps]
    return draw(st.permutations([step | {"value": abs(step["value"])} for step in steps]))


@st.composite
def sound_trigger(draw: DrawFn) -> dict[str, Any]:
    """By a target or by steps."""
    rings: list[dict[str, Any]] = [{"alarm": {"name": "web"}}, {"alarm": {"pattern": "w*"}}, {"alert": ALERT}]
    wanted = draw(st.floats(0.001, 1e6))
    size: SearchStrategy[dict[str, Any]] = st.one_of(
        sound_steps().map(lambda steps: {"steps": steps}),
        st.just({"target": {"type": "Value", "value": wanted}}),
        st.just({"target": {"type": "AverageValue", "averageValue": wanted}}),
    )
    return {**draw(st.sampled_from(rings)), **draw(size), "threshold": draw(_NUMBERS)}


@st.composite
def sound(draw: DrawFn) -> dict[str, Any]:
    """A spec that nothing is wrong with."""
    least = draw(st.integers(1, 6))
    most = least + draw(st.integers(1, 6))
    kinds = ("Deployment", "StatefulSet", "HorizontalPodAutoscaler")
    targets: list[dict[str, Any]] = [{"scaleTargetRef": {"kind": kind, "name": "web"}} for kind in kinds]
    limits = {"minReplicas": least, "maxReplicas": most}
    lengths = st.sampled_from(_LENGTHS[:3])
    more = st.fixed_dictionaries(
        {},
        optional={
            "evaluateEverySeconds": st.integers(15, 900),
            "activeFor": lengths,
            "whenMetricMissing": st.integers(least, most).map(lambda replicas: {"replicas": replicas}),
            "approval": st.integers(least, most - 1).map(lambda above: {"above": above}),
            "behavior": st.fixed_dictionaries({}, optional={"scaleUp": _RULES, "scaleDown": _RULES}),
            "paused": st.booleans(),
            "dryRun": st.booleans(),
        },
    )
    target = draw(st.sampled_from([*targets, {"nodeGroup": {"name": "workers"}}]))
    triggers = draw(st.lists(sound_trigger(), min_size=1, max_size=3))
    return {**target, **limits, **draw(more), "triggers": triggers}


@st.composite
def one_change(draw: DrawFn) -> dict[str, Any]:
    """A sound spec with one field of it, or of one part of a trigger, replaced by anything or left out."""
    spec = copy.deepcopy(draw(sound()))
    trigger = spec["triggers"][0]
    parts: list[tuple[type[msgspec.Struct], dict[str, Any]]] = [(Spec, spec), (declared_in.Trigger, trigger)]
    if "target" in trigger:
        parts.append((declared_in.MetricTarget, trigger["target"]))
    if "steps" in trigger:
        parts.append((Step, trigger["steps"][0]))
    if "alert" in trigger:
        parts.append((declared_in.AlertMatch, trigger["alert"]))
    kind, part = draw(st.sampled_from(parts))
    name = draw(st.sampled_from(sorted(_FIELDS[kind])))
    if draw(st.integers(0, 4)) == 0:
        part.pop(name, None)
    else:
        part[name] = draw(_FIELDS[kind][name])
    return spec
