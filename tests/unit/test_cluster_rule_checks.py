"""Which rules keep a CustomResourceDefinition from being taken, and where the answer says they are."""

from __future__ import annotations

from typing import Any

import pytest

from local.cluster.answers import Cause
from local.cluster.rule_checks import rule_faults

STEP = {"type": "object", "properties": {"at": {"type": "number"}, "change": {"type": "integer"}}}
SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["A", "B"]},
        "count": {"type": "integer"},
        "target": {"type": "number"},
        "on": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "steps": {"type": "array", "items": STEP},
    },
}
PATH = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
NO_REASON = "Reason:(*apiextensions.FieldValueErrorReason)(nil)"


def _faults(spec: dict[str, Any], versions: int = 1) -> list[Cause]:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    served = [{"name": f"v{number}", "schema": schema} for number in range(versions)]
    return list(rule_faults({"spec": {"versions": served}}))


def _fault(rule: str, **more: str) -> list[Cause]:
    return _faults({**SPEC, "x-kubernetes-validations": [{"rule": rule, **more}]})


@pytest.mark.parametrize(
    "rule",
    [
        "self.count > 0",
        "self.count < self.target",
        "has(self.count) ? self.count / 2 > 0 : true",
        "self.names[3] == 'a'",
        "self.names.all(n, n.matches('^a')) && size(self.names) > 0",
        "self.kind == 'A' || self.target + 1.0 > 2.0",
        "int(self.kind) > 0",
        "oldSelf.count <= self.count",
    ],
)
def test_a_rule_that_fits_its_schema_is_taken(rule: str) -> None:
    assert _fault(rule, messageExpression="'now ' + string(self.count)", fieldPath=".names") == []


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ("self.count >", "compilation failed: ERROR: <input>:1:13: Syntax error: mismatched input '<EOF>'"),
        (
            "isURL(self.kind)",
            (
                "compilation failed: ERROR: <input>:1:6: undeclared reference to 'isURL' (in container '')\n"
                " | isURL(self.kind)\n | .....^"
            ),
        ),
        (
            "self.cuont > 0",
            "compilation failed: ERROR: <input>:1:5: undefined field 'cuont'\n | self.cuont > 0\n | ....^",
        ),
        (
            "self.target + 1 > 2.0",
            (
                "compilation failed: ERROR: <input>:1:13: found no matching overload for '_+_' applied to "
                "'(double, int)'\n | self.target + 1 > 2.0\n | ............^"
            ),
        ),
        ("self.on ? true : self.count < 's'", "compilation failed: ERROR: <input>:1:1: found no matching"),
        ("self.kind != 'B' || self.nope", "compilation failed: ERROR: <input>:1:25: undefined field 'nope'"),
        ("self.count + 1", "cel expression must evaluate to a bool"),
    ],
)
def test_a_rule_that_cannot_be_compiled_is_refused(rule: str, detail: str) -> None:
    (cause,) = _fault(rule)

    shown = f'apiextensions.ValidationRule{{Rule:"{rule}", Message:"", MessageExpression:"", {NO_REASON}'
    start = f'Invalid value: {shown}, FieldPath:"", OptionalOldSelf:(*bool)(nil)}}: {detail}'
    assert (cause.field, cause.reason) == (f"{PATH}.rule", "FieldValueInvalid")
    assert cause.message.startswith(start)


@pytest.mark.parametrize(
    ("rule", "types", "column"),
    [
        ("self.target == 60", "(double, int)", 13),
        ("60 == self.target", "(int, double)", 4),
        ("self.count != 1.5", "(int, double)", 12),
        ("self.count == self.target", "(int, double)", 12),
        ("self.kind == 1", "(string, int)", 11),
        ("self.on == 'yes'", "(bool, string)", 9),
        ("self.steps.all(s, s.change == 1 && s.at == 80)", "(double, int)", 41),
        ("self.names.exists(n, n == 1)", "(string, int)", 24),
        ("self.target == oldSelf.count", "(double, int)", 13),
    ],
)
def test_equality_of_two_types_is_refused_as_the_type_checker_would(
    rule: str, types: str, column: int
) -> None:
    (cause,) = _fault(rule)

    operator = "!=" if "!=" in rule else "=="
    told = f"found no matching overload for '_{operator}_' applied to '{types}'"
    assert f"compilation failed: ERROR: <input>:1:{column}: {told}\n" in cause.message


@pytest.mark.parametrize(
    "rule",
    [
        "self.target == 60.0",
        "self.names.size() == 1",
        "self.kind == 'count == 1.0'",
        "self.kind.size() == self.names.size()",
        "self.names == ['a']",
        "int(self.target) == 60",
        "self.steps.all(s, s.at == 80.0) && self.names.all(s, s == 'a')",
        "self.kind == null || true",
    ],
)
def test_equality_of_one_type_is_taken(rule: str) -> None:
    assert _fault(rule) == []


@pytest.mark.parametrize(
    ("more", "field", "told"),
    [
        ({"messageExpression": "'a' +"}, "messageExpression", "messageExpression compilation failed: ERROR"),
        ({"messageExpression": "1"}, "messageExpression", "messageExpression must evaluate to a string"),
        ({"fieldPath": ".nope"}, "fieldPath", "must be a valid path: does not refer to a valid field"),
        ({"fieldPath": "count"}, "fieldPath", "must be a valid path: does not refer to a valid field"),
        ({"reason": "Immutable"}, "reason", 'Unsupported value: "Immutable"'),
    ],
)
def test_what_goes_with_a_rule_is_checked_too(more: dict[str, str], field: str, told: str) -> None:
    (cause,) = _fault("true", **more)

    assert cause.field == f"{PATH}.{field}"
    assert told in cause.message


def test_an_empty_rule_is_missing() -> None:
    assert _fault("  ") == [Cause.required(f"{PATH}.rule", "rule is not specified")]


def test_the_old_value_of_an_element_without_keys_cannot_be_known() -> None:
    items = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    spec = {"type": "object", "properties": {"all": {"type": "array", "items": items}}}

    (cause,) = _faults(spec)

    within = "spec.validation.openAPIV3Schema.properties[spec].properties[all].items"
    assert cause.field == f"{within}.x-kubernetes-validations[0].rule"
    text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
    assert cause.message == f'Invalid value: "self == oldSelf": {text}'


def test_with_several_versions_the_path_names_the_version() -> None:
    causes = _faults({**SPEC, "x-kubernetes-validations": [{"rule": "nope"}]}, versions=2)

    assert [cause.field.partition(".openAPIV3Schema")[0] for cause in causes] == [
        "spec.versions[0].schema",
        "spec.versions[1].schema",
    ]


def test_what_has_no_one_type_is_left_to_run_time() -> None:
    either = {"type": "object", "properties": {"surge": {"x-kubernetes-int-or-string": True}}}

    assert _faults({**either, "x-kubernetes-validations": [{"rule": "self.surge + 1 > 2"}]}) == []
