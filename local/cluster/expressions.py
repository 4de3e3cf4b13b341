"""CEL expressions as a CustomResourceDefinition's rules write them: compiled once, evaluated often.

The language is the `cel` package's (a binding of cel-rust); what is added here are the functions Kubernetes
has beside it, the names a rule may use, and errors worded as cel-go words them. There is no type checker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cluster.answers import Value

_CORE = frozenset(
    (
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "string",
        "int",
        "uint",
        "double",
        "bool",
        "bytes",
        "dyn",
        "type",
        "duration",
        "timestamp",
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    )
)
# Of the strings, lists and sets libraries of Kubernetes 1.29; the package brings more that no API server knows.
_KUBERNETES = frozenset(
    (
        "charAt",
        "indexOf",
        "lastIndexOf",
        "substring",
        "replace",
        "split",
        "join",
        "lowerAscii",
        "upperAscii",
        "trim",
        "format",
        "sum",
        "min",
        "max",
        "sets.contains",
        "sets.equivalent",
        "sets.intersects",
    )
)
_FUNCTIONS = _CORE | {name.rpartition(".")[2] for name in _KUBERNETES}
_NAMES = frozenset(
    (
        "self",
        "oldSelf",
        "sets",
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "list",
        "map",
        "null_type",
        "type",
    )
)
_WORD = re.compile(r"[A-Za-z]\w*")
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,")
_LITERALS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


class CompileError(Exception):
    """The text is no expression, or uses a name that nothing declares. The message is cel-go's."""


class EvaluationError(Exception):
    """The expression has no value for these variables: `no such key: x`, `division by zero`."""


class OverloadError(EvaluationError):
    """An operator or function does not take operands of these types. `operands` says which, where known."""

    def __init__(self, operands: str = "") -> None:
        super().__init__("no such overload")
        self.operands = operands


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `uses_old_self` makes a rule a transition rule."""

    text: str
    uses_old_self: bool
    program: Any

    def value(self, variables: Mapping[str, Value]) -> Value:
        """The expression's value, as Python's types. Raises EvaluationError."""
        try:
            context = _cel().Context(dict(variables), _functions())
            return self.program.execute(context)
        except (KeyError, IndexError, ArithmeticError, TypeError, ValueError, RuntimeError) as error:
            raise _worded(error) from error


@cache
def compiled(text: str) -> Expression:
    """The expression a text stands for. Raises CompileError for bad syntax and for undeclared names."""
    try:
        program = _cel().compile(text)
    except ValueError as error:
        told = str(error).partition("': ERROR: ")[2] or str(error)
        raise CompileError("ERROR: " + told.replace("\n|", "\n |")) from error
    used = program.references()
    _check_names(text, used["variables"], used["functions"])
    return Expression(text, "oldSelf" in used["variables"], program)


def error_at(text: str, column: int, told: str) -> CompileError:
    """An error with its place, drawn as cel-go draws it. `column` counts from 0, within one line."""
    before = text[:column]
    line = before.count("\n") + 1
    start = before.rfind("\n") + 1
    source = text[start:].partition("\n")[0]
    place = column - start
    return CompileError(f"ERROR: <input>:{line}:{place + 1}: {told}\n | {source}\n | {'.' * place}^")


def without_texts(text: str) -> str:
    """The expression with every string literal blank, and everything at the place where it was."""
    return _LITERALS.sub(lambda literal: "'" + " " * (len(literal[0]) - 2) + "'", text)


def _check_names(text: str, variables: list[str], functions: list[str]) -> None:
    plain = without_texts(text)
    known = _NAMES | set(_BOUND.findall(plain))
    for name in functions:
        if _WORD.fullmatch(name) and name not in _FUNCTIONS:
            found = re.search(rf"\b{name}\s*(?=\()", plain)
            raise error_at(text, found.end() if found else 0, _undeclared(name))
    for name in variables:
        if name not in known:
            found = re.search(rf"(?<![\w.]){name}\b", plain)
            raise error_at(text, found.start() if found else 0, _undeclared(name))


def _undeclared(name: str) -> str:
    return f"undeclared reference to '{name}' (in container '')"


def _worded(error: Exception) -> EvaluationError:
    told = str(error.args[0]) if error.args else str(error)
    match error:
        case KeyError():
            return EvaluationError(f"no such key: {told}")
        case OverflowError():
            return EvaluationError("integer overflow")
        case ZeroDivisionError():
            return EvaluationError("modulus by zero" if told.startswith("modulo") else "division by zero")
        case TypeError():
            operands = re.match(r"Unsupported operation: (\w+) (\S+) (\w+)", told)
            return OverloadError(" ".join(operands.groups()) if operands else "")
        case RuntimeError() if told.startswith("Undefined variable or function"):
            return OverloadError()  # the names were checked: the function does not take this type
        case _:
            return EvaluationError(told.partition(". Check ")[0])


@cache
def _functions() -> dict[str, Any]:
    context = _cel().Context()
    _cel().stdlib.add_stdlib_to_context(context)
    brought = {name: call for name, call in context.functions.items() if name in _KUBERNETES}
    return brought | {"format": _format, "string": _text_of_bool}


def _text_of_bool(value: Value) -> str:
    """`string(true)`, which the package lacks; it comes here only with what its own `string` does not take."""
    if not isinstance(value, bool):
        raise TypeError("no such overload")
    return str(value).lower()


def _format(text: str, values: list[Value]) -> str:
    """`'%s of %d'.format([a, b])`, from the strings library."""
    return text % tuple(str(each).lower() if isinstance(each, bool) else each for each in values)


@cache
def _cel() -> Any:  # noqa: ANN401  # a module
    """Half a second of imports (the package's command line comes along), only where a schema has rules."""
    return import_module("cel")
