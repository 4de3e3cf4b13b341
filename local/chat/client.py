"""A client of the stand-in's own calls, for tests, the prompt and the local runner."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from local.chat.exchange import Json


@dataclass(frozen=True, slots=True)
class ResponseUrl:
    """A minted response_url; `id` is the `reply_to` of the messages that come through it."""

    response_url: str
    trigger_id: str
    id: str


class ChatClient:
    """Calls the stand-in at `url`, trusting the certificates in `ca_file`.

    Every call raises requests.HTTPError, with the stand-in's reason, when it is refused.
    """

    def __init__(self, url: str, ca_file: Path | str) -> None:
        self._url = url.rstrip("/")
        self._ca_file = str(ca_file)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between two processes on the loopback

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def messages(self, after: int = 0, wait: float = 0) -> list[Json]:
        """What was posted after that sequence number, oldest first.

        When there is nothing yet, waits up to `wait` seconds (60 at most) for something.
        """
        query = {"after": str(after), "wait": str(wait)}
        answer = self._call("GET", "/control/messages", query=query, timeout=wait + 10)
        return list(answer["messages"])

    def mint(
        self,
        channel: str,
        user: str,
        command: str,
        *,
        message_ts: str | None = None,
        lifetime_seconds: float | None = None,
    ) -> ResponseUrl:
        """A new response_url for a command, or for a button of the message `message_ts`."""
        wanted: Json = {"channel": channel, "user": user, "command": command, "message_ts": message_ts}
        if lifetime_seconds is not None:
            wanted["lifetime_seconds"] = lifetime_seconds
        return ResponseUrl(**self._call("POST", "/control/response-urls", content=wanted))

    def faults(self, path: str, status: int, times: int = 1, retry_after: int = 1) -> list[Json]:
        """Let the next `times` calls whose path matches the regex `path` fail; all faults to come."""
        wanted = {"path": path, "status": status, "times": times, "retry_after": retry_after}
        return list(self._call("POST", "/control/faults", content=wanted)["faults"])

    def pending_faults(self) -> list[Json]:
        return list(self._call("GET", "/control/faults")["faults"])

    def clear(self) -> None:
        """Forget all messages and faults. Sequence numbers go on, and response_urls stay good."""
        self._call("DELETE", "/control/messages")
        self._call("DELETE", "/control/faults")

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        content: Json | None = None,
        timeout: float = 10,
    ) -> Json:
        response = self._session.request(
            method,
            self._url + path,
            params=query,
            json=content,
            timeout=timeout,
            verify=self._ca_file,
            allow_redirects=False,
        )
        if response.status_code >= 400:
            raise requests.HTTPError(f"{response.status_code}: {response.text}", response=response)
        answer: Json = response.json()
        return answer
