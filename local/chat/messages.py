"""Everything posted, in order: an append-only list that readers can wait on."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition
from typing import Any

from local.chat.exchange import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message as it was posted, before it has its place in the conversation.

    `ts` is set by an edit (it keeps the original's), `replaces` is the sequence number of what it edits or
    deletes. `command` and `reply_to` say which minted response_url it came through.
    """

    via: str
    channel: str
    user: str | None = None
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    response_type: str = "in_channel"
    ts: str | None = None
    thread_ts: str | None = None
    command: str | None = None
    reply_to: str | None = None
    replaces: int | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A kept message: the draft, its number (rising from 1), when it came, and Slack's `ts` for it."""

    sequence: int
    received_at: datetime
    ts: str
    draft: Draft

    def as_json(self) -> dict[str, Any]:
        """The form in which `/control/messages` answers it."""
        draft = self.draft
        return {
            "sequence": self.sequence,
            "received_at": self.received_at.isoformat(),
            "via": draft.via,
            "channel": draft.channel,
            "user": draft.user,
            "text": draft.text,
            "blocks": draft.blocks,
            "response_type": draft.response_type,
            "ts": self.ts,
            "thread_ts": draft.thread_ts,
            "for": draft.command,
            "reply_to": draft.reply_to,
            "replaces": draft.replaces,
            "deleted": draft.deleted,
        }


class Conversation:
    """The kept messages. Safe to use from many threads; the oldest go when there are more than `capacity`."""

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        on_kept: Callable[[Message], None] = lambda _: None,
        capacity: int = 10_000,
    ) -> None:
        self._now = now
        self._on_kept = on_kept
        self._kept: deque[Message] = deque(maxlen=capacity)
        self._changed = Condition()
        self._last = 0
        self._last_microseconds = 0
        self._closed = False

    def keep(self, draft: Draft) -> Message:
        """Give the draft its place and wake the readers. `ts` values are unique and strictly rising."""
        with self._changed:
            self._last += 1
            now = self._now()
            message = Message(self._last, now, draft.ts or self._next_ts(now), draft)
            self._kept.append(message)
            self._changed.notify_all()
        self._on_kept(message)
        return message

    def _next_ts(self, now: datetime) -> str:
        microseconds = int(now.timestamp() * 1_000_000)
        self._last_microseconds = max(microseconds, self._last_microseconds + 1)
        seconds, rest = divmod(self._last_microseconds, 1_000_000)
        return f"{seconds}.{rest:06d}"

    def since(self, sequence: int, wait_seconds: float = 0) -> tuple[list[Message], int, int]:
        """Messages numbered above `sequence`, then the lowest and the highest number in use.

        Waits until there is one, until `wait_seconds` are over, or until the conversation is closed.
        """
        with self._changed:
            if wait_seconds > 0:
                self._changed.wait_for(lambda: self._closed or self._newest() > sequence, wait_seconds)
            newer = [message for message in self._kept if message.sequence > sequence]
            oldest = self._kept[0].sequence if self._kept else self._last + 1
            return newer, oldest, self._last

    def _newest(self) -> int:
        return self._kept[-1].sequence if self._kept else 0

    def standing(self, matches: Callable[[Message], bool]) -> Message | None:
        """The newest version of the newest matching message, unless it was deleted."""
        with self._changed:
            found = next((message for message in reversed(self._kept) if matches(message)), None)
        return None if found is None or found.draft.deleted else found

    def clear(self) -> None:
        """Forget all messages; numbers go on from where they are."""
        with self._changed:
            self._kept.clear()

    def close(self) -> None:
        """Let every waiting reader return at once, now and from here on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
