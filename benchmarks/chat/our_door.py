"""Our side: the door as its function wires it; GetParameter and SendMessage reach nobody.

Run as a file in a process of its own: answers the event in its first argument and prints the answer.
"""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import webhooks
from bellhop.parameters import Parameters
from commands_queue import CommandsQueue, Envelope
from slack_intake import SlackIntake


def answering(send: Callable[[list[Envelope]], None]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The door's answer to an event. The environment has its settings, and under BENCH_SECRET Slack's secret."""
    secret, name = os.environ["BENCH_SECRET"], os.environ["SLACK_SIGNING_SECRET"]
    parameters = Parameters({name: secret}.get, time.monotonic)
    slack = SlackIntake(lambda test: parameters.accepts(name, test), send)
    return dataclasses.replace(webhooks.door(), slack=slack).answer


def dropped(_: list[Envelope]) -> None:
    """A send that does nothing."""


def made_and_logged() -> Callable[[list[Envelope]], None]:
    """The function's own send without its call: the message is made, and what was accepted is logged."""
    return CommandsQueue(os.environ["COMMANDS_QUEUE_URL"], call=lambda _operation, _request: {}).send


if __name__ == "__main__":
    print(json.dumps(answering(made_and_logged())(json.loads(sys.argv[1]))), flush=True)
