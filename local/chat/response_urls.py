"""response_urls: minted for a command, good for five posts within thirty minutes.

The limits are Slack's: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

LIFETIME = timedelta(minutes=30)
USES = 5


@dataclass(frozen=True, slots=True)
class Minted:
    """One response_url: where it posts to, for whom, and what for. `secret` is never shown or logged."""

    id: str
    secret: str
    channel: str
    user: str
    command: str
    message_ts: str | None
    expires_at: datetime
    uses_left: int = USES


class UrlRefusedError(Exception):
    """A response_url that takes no more posts; `code` is Slack's: expired_url or used_url."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ResponseUrls:
    """All response_urls that have not expired. Safe to use from many threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._minted: dict[str, Minted] = {}
        self._lock = Lock()

    def mint(
        self,
        *,
        channel: str,
        user: str,
        command: str,
        message_ts: str | None = None,
        lifetime: timedelta = LIFETIME,
    ) -> Minted:
        """A new one. `message_ts` names the message whose button was pressed, the one to replace."""
        now = self._now()
        minted = Minted(
            id=str(secrets.randbelow(9 * 10**12) + 10**12),
            secret=secrets.token_urlsafe(18),
            channel=channel,
            user=user,
            command=command,
            message_ts=message_ts,
            expires_at=now + min(lifetime, LIFETIME),
        )
        with self._lock:
            self._minted = {key: each for key, each in self._minted.items() if each.expires_at > now}
            self._minted[minted.id] = minted
        return minted

    def look_up(self, url_id: str, secret: str) -> Minted:
        """What the url was minted for. Raises UrlRefusedError when it takes no more posts."""
        with self._lock:
            return self._usable(url_id, secret)

    def use(self, url_id: str, secret: str) -> None:
        """Count one post. Raises UrlRefusedError when there was none left."""
        with self._lock:
            minted = self._usable(url_id, secret)
            self._minted[url_id] = replace(minted, uses_left=minted.uses_left - 1)

    def _usable(self, url_id: str, secret: str) -> Minted:
        minted = self._minted.get(url_id)
        if minted is None or not hmac.compare_digest(minted.secret.encode(), secret.encode()):
            raise UrlRefusedError("expired_url")
        if minted.expires_at <= self._now():
            raise UrlRefusedError("expired_url")
        if minted.uses_left < 1:
            raise UrlRefusedError("used_url")
        return minted
