"""The peer: slack_bolt's own Lambda adapter around a command listener that only acknowledges.

Run as a file in a process of its own: answers the event in its first argument and prints the answer.
"""

import json
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from slack_bolt import Ack, App
from slack_bolt.adapter.aws_lambda import SlackRequestHandler
from slack_bolt.authorization import AuthorizeResult

_FUNCTION = SimpleNamespace(
    function_name="bolt", invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:bolt"
)


def answering() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The handler's answer to an event. The environment has Slack's secret under BENCH_SECRET.

    As its documentation has it on Lambda: `process_before_response`. Who may is answered from memory: with a token,
    its first request would ask Slack.
    """
    app = App(
        process_before_response=True, signing_secret=os.environ["BENCH_SECRET"], authorize=lambda: _AUTHORIZED
    )

    @app.command("/bellhop")
    def acknowledge(ack: Ack) -> None:
        ack()

    handler = SlackRequestHandler(app)

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        return dict(handler.handle(event, _FUNCTION))  # type: ignore[no-untyped-call]

    return answer


_AUTHORIZED = AuthorizeResult(
    enterprise_id=None,
    team_id="T024BE7LD",
    bot_user_id="U0BOT",
    bot_id="B0BOT",
    bot_token="xoxb-none",  # noqa: S106  good for nothing
)

if __name__ == "__main__":
    print(json.dumps(answering()(json.loads(sys.argv[1]))), flush=True)
