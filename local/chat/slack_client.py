"""A slash command as Slack sends it to an app: a form, signed over its raw bytes.

https://docs.slack.dev/interactivity/implementing-slash-commands and
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from local.chat.web_api import BOT

COMMAND = "/bellhop"


def signed_request(
    text: str,
    *,
    user: str,
    team: str,
    channel: str,
    response_url: str,
    trigger_id: str,
    secret: str,
    now: float,
) -> tuple[dict[str, str], bytes]:
    """`/bellhop text` as headers and body. `now`: seconds since the epoch; `secret`: the signing secret."""
    form = build_form(
        text, user=user, team=team, channel=channel, response_url=response_url, trigger_id=trigger_id
    )
    body = urlencode(form).encode()
    return signed_headers(body, secret=secret, now=now), body


def build_form(
    text: str, *, user: str, team: str, channel: str, response_url: str, trigger_id: str
) -> dict[str, str]:
    """The fields of a slash command, in the order in which Slack sends them."""
    return {
        "team_id": team,
        "team_domain": "local",
        "channel_id": channel,
        "channel_name": channel.lower(),
        "user_id": user,
        "user_name": user.lower(),
        "command": COMMAND,
        "text": text,
        "api_app_id": BOT["app_id"],
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def signed_headers(body: bytes, *, secret: str, now: float) -> dict[str, str]:
    """The headers that Slack sends with a form; for interactivity's `payload` too."""
    timestamp = str(int(now))
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(body, secret=secret, timestamp=timestamp),
    }


def sign(body: bytes, *, secret: str, timestamp: str) -> str:
    """Slack's signature, version 0."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def typed_text(line: str) -> str:
    """What follows the command in a typed line; the command itself may be left out."""
    first, _, rest = line.strip().partition(" ")
    return rest.strip() if first == COMMAND else line.strip()


def with_host(headers: Mapping[str, str], host: str) -> dict[str, str]:
    """The headers, addressed to a door that is told apart by its Host."""
    return {**headers, "Host": host}
