"""Who asks: static tokens, and EKS tokens whose presigned URL is shown to STS."""

from __future__ import annotations

import csv
import hmac
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from local.cluster.answers import unauthorized
from local.cluster.eks_token import PREFIX, TokenError, account_and_session, principal_arn, read_token
from local.cluster.rbac import ANONYMOUS, AUTHENTICATED, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ENTRY_IS_FRESH = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """What EKS says of a principal: its Kubernetes user name (with placeholders) and groups."""

    username: str
    groups: tuple[str, ...]


class Identify(Protocol):
    """Shows a presigned GetCallerIdentity URL to STS."""

    def __call__(self, url: str, cluster: str, /) -> str:
        """The caller's ARN. Raises TokenError when STS does not vouch for it."""


class FindEntry(Protocol):
    """Looks a principal up among the cluster's access entries."""

    def __call__(self, cluster: str, principal: str, /) -> AccessEntry | None:
        """The entry of this IAM ARN, or None. Raises TokenError when EKS does not answer."""


def read_token_file(lines: Iterable[str]) -> dict[str, User]:
    """`token,user,uid,"group1,group2"` lines, as for kube-apiserver's --token-auth-file.

    Raises ValueError for a line with fewer than three columns.
    """
    users = {}
    for row in csv.reader(lines, skipinitialspace=True):
        if not row or row[0].startswith("#"):
            continue
        if len(row) < 3:
            raise ValueError(f"a token line has token, user and uid; this one has {len(row)} columns")
        groups = [group.strip() for group in row[3].split(",")] if len(row) > 3 else []
        users[row[0]] = User(row[1], (*filter(None, groups), AUTHENTICATED), row[2])
    return users


class EksAuthenticator:
    """EKS tokens for one cluster. What STS answered is kept while the token lasts, entries for 10 s."""

    def __init__(
        self,
        cluster: str,
        sts_endpoint: str,
        identify: Identify,
        find_entry: FindEntry,
        now: Callable[[], datetime],
    ) -> None:
        self.cluster = cluster
        self.sts_endpoint = sts_endpoint
        self._identify = identify
        self._find_entry = find_entry
        self._now = now
        self._lock = threading.Lock()
        self._arns: dict[str, tuple[str, datetime]] = {}
        self._entries: dict[str, tuple[AccessEntry, datetime]] = {}

    def user(self, token: str) -> User:
        """The Kubernetes user behind the token. Raises TokenError, saying why."""
        arn = self._arn(token)
        entry = self._entry(principal_arn(arn))
        account, session = account_and_session(arn)
        name = entry.username.replace("{{SessionNameRaw}}", session).replace("{{AccountID}}", account)
        name = name.replace("{{SessionName}}", session.replace("@", "-"))
        return User(name or arn, (*entry.groups, AUTHENTICATED), arn)

    def _arn(self, token: str) -> str:
        read = read_token(token, self.sts_endpoint, self._now())
        with self._lock:
            if token in self._arns:
                return self._arns[token][0]
        arn = self._identify(read.url, self.cluster)
        with self._lock:
            now = self._now()
            self._arns = {each: kept for each, kept in self._arns.items() if kept[1] > now}
            self._arns[token] = (arn, read.ends)
        return arn

    def _entry(self, principal: str) -> AccessEntry:
        with self._lock:
            kept = self._entries.get(principal)
        if kept and kept[1] > self._now():
            return kept[0]
        entry = self._find_entry(self.cluster, principal)
        if entry is None:
            raise TokenError(f"no access entry for {principal}")
        with self._lock:
            self._entries[principal] = (entry, self._now() + ENTRY_IS_FRESH)
        return entry


class Authenticator:
    """From an Authorization header to a User; 401 for everything but a credential that holds."""

    def __init__(self, tokens: Mapping[str, User], eks: EksAuthenticator | None = None) -> None:
        self._tokens = dict(tokens)
        self._eks = eks

    def user(self, authorization: str | None) -> User:
        """No header: anonymous. Raises ApiError 401."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        for known, user in self._tokens.items():
            if hmac.compare_digest(known.encode(), token.encode("utf-8", "replace")):
                return user
        if self._eks is None or not token.startswith(PREFIX):
            raise unauthorized()
        try:
            return self._eks.user(token)
        except TokenError as error:
            raise unauthorized() from error
