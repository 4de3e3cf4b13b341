"""CEL itself: what rules use of the language, its types, and its errors."""

from __future__ import annotations

import pytest

from local.cluster.answers import Value
from local.cluster.expressions import CompileError, EvaluationError, OverloadError, compiled

SELF = {
    "int": 60,
    "double": 60.0,
    "name": "web-1",
    "steps": [{"at": 60.0, "change": 1}, {"at": 80.0, "change": 3}],
    "names": ["a", "b"],
    "labels": {"team": "shop"},
    "empty": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("has(self.int)", True),
        ("has(self.nope)", False),
        ("!has(self.nope) || self.nope > 1", True),
        ("has(self.labels.team) && self.labels.team == 'shop'", True),
        ("self.int <= self.double", True),
        ("self.int < 61 && self.double < 61", True),
        ("self.double > 59.5", True),
        ("self.double / 7.0 > 8.5", True),
        ("double(self.int) / 7.0 > 8.5", True),
        ("self.int / 7", 8),
        ("self.int % 7", 4),
        ("self.int > 50 ? 'high' : 'low'", "high"),
        ("self.name.startsWith('web') && self.name.endsWith('1')", True),
        ("self.name.matches('^[a-z]+-[0-9]$')", True),
        ("self.name.contains('b-')", True),
        ("size(self.name) == 5 && self.name.size() == 5", True),
        ("self.name.split('-')", ["web", "1"]),
        ("self.name.upperAscii()", "WEB-1"),
        ("self.names.join('+')", "a+b"),
        ("'%s has %d of %.1f'.format([self.name, self.int, self.double])", "web-1 has 60 of 60.0"),
        ("'at ' + string(self.int)", "at 60"),
        ("string(self.int == 60) + string(self.double)", "true60"),
        ("self.steps.all(s, s.change > 0)", True),
        ("self.steps.exists(s, s.at == 80.0)", True),
        ("self.steps.exists_one(s, s.change > 0)", False),
        ("self.steps.map(s, s.change)", [1, 3]),
        ("self.steps.map(s, s.change > 1, s.at)", [80.0]),
        ("self.steps.filter(s, s.at < 70.0).size()", 1),
        ("self.steps[1].change", 3),
        ("self.steps.map(s, s.change).sum()", 4),
        ("self.steps.all(a, self.steps.exists_one(b, a.at == b.at))", True),
        ("'a' in self.names && !('c' in self.names)", True),
        ("'team' in self.labels && self.labels['team'] == 'shop'", True),
        ("self.labels.all(key, key.startsWith('t'))", True),
        ("self.names == ['a', 'b']", True),
        ("self.names + ['c']", ["a", "b", "c"]),
        ("sets.contains(self.names, ['a'])", True),
        ("self.empty == null", True),
        ("duration('5m') > duration('10s')", True),
        ("self.nope > 1 || true", True),
        ("self.nope > 1 && false", False),
    ],
)
def test_rules_have_the_language_they_use(text: str, value: Value) -> None:
    result = compiled(text).value({"self": SELF})

    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("self.nope == 1", "no such key: nope"),
        ("has(self.nope.deeper)", "no such key: nope"),
        ("self.labels['x'] == ''", "no such key: x"),
        ("self.steps[9].at > 1.0", "index out of bounds: 9"),
        ("self.int / 0 == 1", "division by zero"),
        ("self.int % 0 == 1", "modulus by zero"),
        ("9223372036854775807 + self.int > 0", "integer overflow"),
    ],
)
def test_what_has_no_value_says_why_as_cel_go_does(text: str, told: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compiled(text).value({"self": SELF})

    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "operands"),
    [
        ("self.double + 1 > 2.0", "float + int"),
        ("self.name + self.int == ''", "string + int"),
        ("self.int < 's'", ""),
        ("!self.name", ""),
        ("self.int.startsWith('6')", ""),
    ],
)
def test_operands_of_other_types_are_never_converted(text: str, operands: str) -> None:
    with pytest.raises(OverloadError, match="no such overload") as caught:
        compiled(text).value({"self": SELF})

    assert caught.value.operands == operands


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("self.a <=", 10, "Syntax error: mismatched input '<EOF>'"),
        ("has(self)", 5, "invalid argument to has() macro"),
        ("self.a && isCIDR(self.b)", 17, "undeclared reference to 'isCIDR' (in container '')"),
        ("slef.a == 1", 1, "undeclared reference to 'slef' (in container '')"),
        ("self.all(x, y > 1)", 13, "undeclared reference to 'y' (in container '')"),
        ("self.isSorted()", 14, "undeclared reference to 'isSorted' (in container '')"),
        ("self.sort() == []", 10, "undeclared reference to 'sort' (in container '')"),
    ],
)
def test_what_does_not_compile_says_where(text: str, column: int, told: str) -> None:
    with pytest.raises(CompileError) as caught:
        compiled(text)

    first, source, caret = str(caught.value).split("\n")
    assert first.startswith(f"ERROR: <input>:1:{column}: {told}")
    assert source == f" | {text}"
    assert caret == f" | {'.' * (column - 1)}^"


def test_names_within_texts_are_no_names() -> None:
    assert compiled("self.name != 'isCIDR(x).all(y, z)'").value({"self": SELF}) is True


def test_an_expression_knows_whether_it_looks_at_the_old_value() -> None:
    assert compiled("self.a == oldSelf.a").uses_old_self
    assert not compiled("self.a == 'oldSelf'").uses_old_self
