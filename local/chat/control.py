"""The stand-in's own calls, under /control/: what was posted, new response_urls, faults."""

import re
import secrets
from datetime import timedelta

from local.chat.exchange import Answer, Json, Request, json_answer, parse_object
from local.chat.faults import Faults, parse_fault
from local.chat.messages import Conversation
from local.chat.response_urls import LIFETIME, ResponseUrls
from local.chat.web_api import TEAM

LONGEST_WAIT = 60.0


def stranger(request: Request, port: int) -> bool:
    """Whether a request may not see the page or the control calls.

    A page from elsewhere that has its name resolved to 127.0.0.1 (DNS rebinding) shows by its Host, one that
    posts across origins by its Origin.
    """
    own = {f"127.0.0.1:{port}", f"localhost:{port}"}
    host, origin = request.header("host"), request.header("origin")
    return host not in own or origin not in {"", f"https://{host}"}


def list_messages(request: Request, conversation: Conversation) -> Answer:
    """`after` (a sequence number) and `wait` (seconds, 60 at most) -> messages, first, last.

    Numbers below `first` are forgotten, `last` is the highest one given out.
    """
    try:
        after = int(request.query.get("after", "0"))
        wait = float(request.query.get("wait", "0"))
    except ValueError:
        return _bad_request("after must be a whole number and wait a number of seconds")
    if not 0 <= wait <= LONGEST_WAIT:
        return _bad_request(f"wait must be 0 to {LONGEST_WAIT:g}")
    messages, first, last = conversation.since(after, wait)
    return json_answer({"messages": [each.as_json() for each in messages], "first": first, "last": last})


def mint_response_url(request: Request, urls: ResponseUrls, port: int) -> Answer:
    """`channel`, `user`, `command` -> `response_url`, `trigger_id` and `id`, the `reply_to` of its messages.

    Optional: `message_ts` of the message whose button was pressed; `lifetime_seconds`, 1,800 at most.
    """
    wanted = parse_object(request.body) or {}
    channel, user, command = (str(wanted.get(key) or "") for key in ("channel", "user", "command"))
    message_ts, lifetime = wanted.get("message_ts"), wanted.get("lifetime_seconds", LIFETIME.total_seconds())
    if not re.fullmatch(r"[CDG][A-Z0-9]+", channel) or not re.fullmatch(r"[UW][A-Z0-9]+", user):
        return _bad_request("channel and user must be Slack ids, as C0OPS and U0ANN")
    if not isinstance(lifetime, int | float) or not 0 <= lifetime <= LIFETIME.total_seconds():
        return _bad_request("lifetime_seconds must be 0 to 1800")
    minted = urls.mint(
        channel=channel,
        user=user,
        command=command,
        message_ts=str(message_ts) if message_ts else None,
        lifetime=timedelta(seconds=lifetime),
    )
    return json_answer(
        {
            "response_url": f"https://127.0.0.1:{port}/commands/{TEAM}/{minted.id}/{minted.secret}",
            "trigger_id": f"{minted.id}.1.{secrets.token_hex(16)}",
            "id": minted.id,
        }
    )


def add_fault(request: Request, faults: Faults) -> Answer:
    """Order a fault (see faults.Fault) and answer all that are still to come."""
    try:
        faults.add(parse_fault(parse_object(request.body)))
    except ValueError as wrong:
        return _bad_request(str(wrong))
    return list_faults(faults)


def list_faults(faults: Faults) -> Answer:
    return json_answer(_listed(faults))


def _listed(faults: Faults) -> Json:
    return {"faults": [fault.as_json() for fault in faults.pending()]}


def _bad_request(reason: str) -> Answer:
    return json_answer({"ok": False, "error": reason}, 400)
