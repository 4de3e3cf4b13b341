"""EKS tokens that are none: each must be a TokenError, and to a client a 401 like any other."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cluster.answers import ApiError
from local.cluster.authentication import AccessEntry, Authenticator, EksAuthenticator, read_token_file
from local.cluster.eks import arn_in
from local.cluster.eks_token import PREFIX, TokenError, account_and_session, principal_arn, read_token
from local.cluster.rbac import ANONYMOUS

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
STS = "http://127.0.0.1:4566"
GOOD = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIA/20260101/eu-west-1/sts/aws4_request",
    "X-Amz-Date": "20260101T120000Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
    "X-Amz-Signature": "0" * 64,
}


def encoded(url: str | bytes) -> str:
    raw = url.encode() if isinstance(url, str) else url
    return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def with_query(base: str = f"{STS}/", more: str = "", **changed: str | None) -> str:
    names = {name: name.replace("_", "-") for name in changed}
    query = GOOD | {names[name]: value for name, value in changed.items()}
    kept = {name: value for name, value in query.items() if value is not None}
    return encoded(f"{base}?{urlencode(kept)}{more}")


def test_a_good_token_is_its_url_and_ends_fifteen_minutes_after_it_was_signed() -> None:
    read = read_token(with_query(X_Amz_Security_Token="t"), STS, NOW)

    assert read.url.startswith(f"{STS}/?Action=GetCallerIdentity")
    assert read.ends == NOW + timedelta(minutes=15)


def test_a_default_port_may_be_written_or_left_out() -> None:
    token = with_query("https://sts.example.com:443/")

    assert read_token(token, "https://sts.example.com", NOW).url.startswith("https://sts.example.com:443/")


MALFORMED = {
    "nothing": "",
    "another prefix": "k8s-aws-v2." + with_query().removeprefix(PREFIX),
    "prefix alone": PREFIX,
    "padded": with_query() + "=",
    "not base64url": PREFIX + "a+/b",
    "impossible length": PREFIX + "aaaaa",
    "no text": encoded(b"\xff\xfe\x00"),
    "not ascii": encoded("http://127.0.0.1:4566/\u00e4"),
    "a line break": encoded(f"{STS}/?Action=GetCallerIdentity\r\nx: y"),
    "too long": with_query(X_Amz_Security_Token="x" * 20_000),
    "no URL": encoded("hello"),
    "bad address": encoded("http://[::1/?Action=GetCallerIdentity"),
    "file": with_query("file://127.0.0.1:4566/"),
    "another host": with_query("http://127.0.0.2:4566/"),
    "another port": with_query("http://127.0.0.1:4567/"),
    "another scheme": with_query("https://127.0.0.1:4566/"),
    "user info": with_query("http://user@127.0.0.1:4566/"),
    "host as user": with_query("http://127.0.0.1:4566@evil.example/"),
    "another path": with_query(f"{STS}/x"),
    "no path": with_query(STS),
    "a fragment": with_query(more="#x"),
    "another action": with_query(Action="AssumeRole"),
    "no action": with_query(Action=None),
    "an unexpected parameter": with_query(RoleArn="x"),
    "a parameter twice": with_query(more="&Action=GetCallerIdentity"),
    "a parameter twice in other letters": with_query(more="&action=AssumeRole"),
    "a broken query": with_query(more="&x"),
    "the cluster not signed": with_query(X_Amz_SignedHeaders="host"),
    "the cluster in part of a name": with_query(X_Amz_SignedHeaders="host;x-k8s-aws-id-2"),
    "no expiry": with_query(X_Amz_Expires=None),
    "a long expiry": with_query(X_Amz_Expires="901"),
    "expiry zero": with_query(X_Amz_Expires="0"),
    "a negative expiry": with_query(X_Amz_Expires="-60"),
    "expiry as words": with_query(X_Amz_Expires="sixty"),
    "other digits": with_query(X_Amz_Expires="\u0666\u0660"),
    "no date": with_query(X_Amz_Date=None),
    "a date in words": with_query(X_Amz_Date="today"),
    "no such day": with_query(X_Amz_Date="20260231T120000Z"),
    "too old": with_query(X_Amz_Date="20260101T114459Z"),
    "from the future": with_query(X_Amz_Date="20260101T121600Z"),
}


def never(url: str, cluster: str) -> str:
    raise AssertionError(f"STS was asked about {url} for {cluster}")


def no_entry(cluster: str, principal: str) -> AccessEntry | None:
    raise AssertionError(f"EKS was asked about {principal} in {cluster}")


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_token_is_unauthorized_and_nobody_is_asked(token: str) -> None:
    authenticator = Authenticator({}, EksAuthenticator("shop", STS, never, no_entry, lambda: NOW))

    with pytest.raises(TokenError):
        read_token(token, STS, NOW)
    with pytest.raises(ApiError) as raised:
        authenticator.user(f"Bearer {token}")
    assert raised.value.status == 401


@given(st.one_of(st.text(), st.text().map(encoded), st.binary().map(encoded)))
def test_any_text_is_a_token_error_and_never_another(text: str) -> None:
    with pytest.raises(TokenError):
        read_token(text, STS, NOW)


@given(st.text())
def test_any_authorization_header_is_a_user_or_unauthorized(header: str) -> None:
    authenticator = Authenticator({}, EksAuthenticator("shop", STS, never, no_entry, lambda: NOW))
    if not header:
        assert authenticator.user(header) == ANONYMOUS
        return
    with pytest.raises(ApiError) as raised:
        authenticator.user(header)
    assert raised.value.status == 401


def test_a_session_is_its_role_and_a_user_itself() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/shop/eva"

    assert principal_arn(session) == "arn:aws:iam::123456789012:role/shop"
    assert account_and_session(session) == ("123456789012", "eva")
    user = "arn:aws:iam::123456789012:user/team/eva"
    assert principal_arn(user) == user
    assert account_and_session(user) == ("123456789012", "")


@pytest.mark.parametrize(
    "arn", ["", "arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/eva", "x:y"]
)
def test_who_can_have_no_entry_is_refused(arn: str) -> None:
    with pytest.raises(TokenError):
        principal_arn(arn)


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"GetCallerIdentityResponse": 1}', "<Arn></Arn>"])
def test_an_answer_without_an_arn_is_refused(body: str) -> None:
    with pytest.raises(TokenError):
        arn_in(body)


def test_a_token_file_has_users_with_groups() -> None:
    users = read_token_file(["# who", 't1,eva,1,"a,b"', "", "t2,bob,2"])

    assert users["t1"].groups == ("a", "b", "system:authenticated")
    assert users["t2"].groups == ("system:authenticated",)
    with pytest.raises(ValueError, match="2 columns"):
        read_token_file(["t,eva"])
