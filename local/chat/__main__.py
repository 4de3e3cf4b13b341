"""`python -m local.chat`: run the stand-in until it is told to stop."""

import argparse
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from local.chat.messages import Message
from local.chat.server import running_chat
from local.chat.terminal import block_of


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Exit codes: 0 stopped, 1 could not start, 2 wrong call."""
    parser = argparse.ArgumentParser(
        prog="python -m local.chat",
        description="Plays Slack's and Messenger's servers on 127.0.0.1 and shows what is posted to them.",
        epilog="The bot token to expect is read from the environment variable CHAT_BOT_TOKEN, "
        "the page token from CHAT_PAGE_TOKEN (without it nothing can be sent in Messenger). "
        'When it listens, it prints one line to stdout: {"ready": true, "port": N}.',
    )
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file, for 127.0.0.1")
    parser.add_argument("--key", type=Path, required=True, help="PEM file with its private key")
    parser.add_argument("--port", type=int, default=0, help="0, the default, lets the system choose")
    parser.add_argument("--quiet", action="store_true", help="do not print the messages to stderr")
    options = parser.parse_args(arguments)
    bot_token = os.environ.pop("CHAT_BOT_TOKEN", "")
    if not bot_token:
        parser.error("set CHAT_BOT_TOKEN to the bot token that callers will show")

    page_token = os.environ.pop("CHAT_PAGE_TOKEN", "")

    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    try:
        with running_chat(
            options.certificate,
            options.key,
            bot_token,
            options.port,
            on_kept=(lambda _: None) if options.quiet else _show,
            page_token=page_token,
        ) as chat:
            print(json.dumps({"ready": True, "port": chat.port}), flush=True)
            stop.wait()
    except OSError as wrong:
        print(f"the chat stand-in cannot start on port {options.port}: {wrong}", file=sys.stderr)
        return 1
    return 0


def _show(message: Message) -> None:
    with suppress(OSError):  # a terminal that went away loses no message
        print(block_of(message), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
