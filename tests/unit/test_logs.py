"""Logs as JSON lines, with the facts."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from bellhop import logs


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    yield
    logging.getLogger("bellhop").setLevel(logging.NOTSET)


def alone(monkeypatch: pytest.MonkeyPatch, *handlers: logging.Handler) -> io.StringIO:
    """The root logger with these handlers only (pytest adds its own for each test); what goes to stderr."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(logging.getLogger(), "handlers", list(handlers))
    logs.configure()
    return written


def test_a_line_has_the_event_and_its_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    written = alone(monkeypatch)
    logging.getLogger("bellhop.probe").info("probe.done", extra={"replicas": 6})
    line = json.loads(written.getvalue())
    assert (line["message"], line["level"], line["replicas"]) == ("probe.done", "INFO", 6)


def test_an_exception_is_in_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written = alone(monkeypatch)
    try:
        raise LookupError("what was lost")
    except LookupError:
        logging.getLogger("bellhop.probe").exception("probe.failed")
    assert "LookupError: what was lost" in json.loads(written.getvalue())["exception"]


def test_a_handler_that_is_there_stays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas = logging.NullHandler()
    alone(monkeypatch, lambdas)
    assert logging.getLogger().handlers == [lambdas]


def test_a_library_that_tells_of_every_request_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    written = alone(monkeypatch)
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    for name in ("botocore.credentials", "httpx2", "urllib3.connectionpool"):
        logging.getLogger(name).info("HTTP Request: GET https://example.com/secret")
    assert not written.getvalue()
