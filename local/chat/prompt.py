"""`python -m local.chat.prompt`: type commands to the running stack as a person does in Slack."""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from local.chat.client import ChatClient
from local.chat.exchange import Json, parse_object
from local.chat.slack_client import COMMAND, signed_request, typed_text, with_host
from local.chat.stack import LOCAL_FILE, NoStackError, Stack, read_stack
from local.chat.terminal import body, soften

SLACK_WAITS_SECONDS = 3
DOOR_TIMEOUT_SECONDS = 30
POLL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that the door has answered: `reply_to` marks its replies, `said` is the answer itself."""

    accepted: bool
    said: str
    reply_to: str


@dataclass(slots=True)
class Talk:
    """One person at the prompt, and what they have read so far."""

    stack: Stack
    secret: str
    chat: ChatClient
    user: str
    cursor: int = 0
    asked: set[str] = field(default_factory=set)

    def ask(self, text: str) -> Asked:
        """Send one command to the door. Raises requests.RequestException when it or the chat is away."""
        minted = self.chat.mint(self.stack.channel, self.user, f"{COMMAND} {text}".rstrip())
        self.asked.add(minted.id)
        headers, form = signed_request(
            text,
            user=self.user,
            team=self.stack.team,
            channel=self.stack.channel,
            response_url=minted.response_url,
            trigger_id=minted.trigger_id,
            secret=self.secret,
            now=time.time(),
        )
        with requests.Session() as session:
            session.trust_env = False  # no proxy on the way to the loopback
            response = session.post(
                f"{self.stack.door_url}/slack/commands",
                data=form,
                headers=with_host(headers, self.stack.door_host),
                timeout=DOOR_TIMEOUT_SECONDS,
                verify=str(self.stack.ca_file),
                allow_redirects=False,
            )
        said = render_answer(response.status_code, response.content)
        seconds = response.elapsed.total_seconds()
        if seconds > SLACK_WAITS_SECONDS:
            said = f"{said}\n(after {seconds:.1f} s; Slack gives up after {SLACK_WAITS_SECONDS})".lstrip()
        return Asked(response.status_code == 200, said, minted.id)

    def replies(self, reply_to: str | None = None, wait_seconds: float = 0) -> list[Json]:
        """New replies to what was asked here; waits until there is one to `reply_to`, or the time is over."""
        deadline = time.monotonic() + wait_seconds
        found: list[Json] = []
        while True:
            left = max(0.0, deadline - time.monotonic())
            newer = self.chat.messages(self.cursor, min(left, POLL_SECONDS))
            self.cursor = max((int(each["sequence"]) for each in newer), default=self.cursor)
            found += [each for each in newer if each["reply_to"] in self.asked]
            if left <= 0 or any(each["reply_to"] == reply_to for each in found):
                return found


def render_answer(status: int, content: bytes) -> str:
    """The door's own answer as Slack shows it: nothing for an empty 200, an error for all but 200."""
    text = content.decode(errors="replace")
    if status != 200:
        return f"{COMMAND} failed: the door answered {status} {soften(text[:300])}".rstrip()
    message = parse_object(content)
    return soften(text) if message is None else render_reply(message)


def render_reply(message: Json) -> str:
    """A message, as the stand-in keeps it or as an app answers it, as plain text."""
    if message.get("deleted"):
        return "(deleted)"
    return body(message.get("text") or "", message.get("blocks") or [])


def once(talk: Talk, text: str, wait_seconds: float) -> int:
    """One command. Exit code 0 when it was answered, 1 (with a message on stderr) when it was not."""
    asked = talk.ask(text)
    if not asked.accepted:
        print(asked.said, file=sys.stderr)
        return 1
    if asked.said:
        print(asked.said)
    replies = talk.replies(asked.reply_to, wait_seconds)
    for each in replies:
        print(render_reply(each))
    if replies or asked.said:
        return 0
    print(f"no reply within {wait_seconds:g} s", file=sys.stderr)
    return 1


def converse(talk: Talk, wait_seconds: float) -> int:
    """Commands until ctrl-D. Replies that came late are shown before the next prompt."""
    import readline  # noqa: F401, PLC0415 - gives input() its history, and only here is there a terminal

    print(f"{talk.user} in {talk.stack.channel}. Try `help`; ctrl-D ends.")
    while True:
        for late in talk.replies():
            print(render_reply(late))
        try:
            line = typed_text(input("bellhop> "))
            if line:
                once(talk, line, wait_seconds)
        except EOFError:
            print()
            return 0
        except KeyboardInterrupt:  # leaves the line or the wait, not the prompt
            print()


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 answered or ended, 1 not answered or no stack, 2 wrong call."""
    parser = argparse.ArgumentParser(
        prog="python -m local.chat.prompt", description="Talk to the running local stack as from Slack."
    )
    parser.add_argument("--user", help="speak as this Slack user id (default: the stack's)")
    parser.add_argument("--once", metavar="TEXT", help="send one command and print its reply")
    parser.add_argument("--wait", type=float, default=30, help="seconds to wait for a reply (default: 30)")
    parser.add_argument("--stack", type=Path, default=LOCAL_FILE, help=f"default: {LOCAL_FILE}")
    options = parser.parse_args(arguments)
    try:
        stack = read_stack(options.stack)
        with ChatClient(stack.chat_url, stack.ca_file) as chat:
            talk = Talk(stack, stack.signing_secret(), chat, options.user or stack.user)
            if options.once is not None:
                return once(talk, typed_text(options.once), options.wait)
            return converse(talk, options.wait)
    except NoStackError as missing:
        print(missing, file=sys.stderr)
    except requests.HTTPError as refused:
        print(f"the chat stand-in refused: {refused}", file=sys.stderr)
    except (requests.RequestException, OSError):
        print(f"the stack does not answer ({options.stack}): is `make run` still running?", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
