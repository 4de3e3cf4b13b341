"""Logs as JSON lines, with the facts."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from bellhop import logs


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    yield root
    logging.getLogger("bellhop").setLevel(logging.NOTSET)


def test_a_line_has_the_event_and_its_facts(root: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure()
    logging.getLogger("bellhop.probe").info("probe.done", extra={"replicas": 6})
    line = json.loads(written.getvalue())
    assert (line["message"], line["level"], line["replicas"]) == ("probe.done", "INFO", 6)


def test_an_exception_is_in_its_line(root: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure()
    try:
        raise LookupError("what was lost")
    except LookupError:
        logging.getLogger("bellhop.probe").exception("probe.failed")
    assert "LookupError: what was lost" in json.loads(written.getvalue())["exception"]


def test_a_handler_that_is_there_stays_alone(root: logging.Logger) -> None:
    lambdas = logging.NullHandler()
    root.addHandler(lambdas)
    logs.configure()
    assert root.handlers == [lambdas]
