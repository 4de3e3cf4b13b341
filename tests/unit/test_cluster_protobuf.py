"""kubectl's protobuf bodies: read whole or not at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cluster.protobuf import MAGIC, UndecodableError, decode


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    identity = field(1, api_version.encode()) + field(2, kind.encode())
    return MAGIC + field(1, identity) + field(2, raw) + field(3, b"") + field(4, b"")


def test_a_namespace_is_read_and_empty_messages_are_left_out() -> None:
    label = field(11, field(1, b"team") + field(2, b"shop"))
    raw = field(1, field(1, b"extra") + field(2, b"") + label) + field(2, b"") + field(3, b"")

    assert decode(envelope("v1", "Namespace", raw)) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "extra", "labels": {"team": "shop"}},
    }


def test_zero_is_kept_where_it_is_a_number() -> None:
    deployment = decode(envelope("apps/v1", "Deployment", field(2, bytes([1 << 3, 0, 7 << 3, 1]))))

    assert deployment["spec"] == {"replicas": 0, "paused": True}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        MAGIC,
        envelope("v1", "ConfigMap", b""),
        envelope("v1", "Namespace", field(9, b"unknown")),
        envelope("v1", "Namespace", field(1, field(1, b"\xff"))),
        envelope("v1", "Namespace", bytes([1 << 3, 1])),
        envelope("v1", "Namespace", b"\x0a\x7f"),
        envelope("v1", "Namespace", b"\x80"),
        envelope("apps/v1", "Deployment", field(2, field(1, b"2"))),
    ],
)
def test_what_cannot_be_read_whole_is_refused(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(body)


@given(st.binary(max_size=60), st.sampled_from(["Namespace", "Secret"]))
def test_any_bytes_are_read_or_refused(raw: bytes, kind: str) -> None:
    with suppress(UndecodableError):
        assert decode(MAGIC + raw)
    with suppress(UndecodableError):
        assert decode(envelope("v1", kind, raw))["kind"] == kind
