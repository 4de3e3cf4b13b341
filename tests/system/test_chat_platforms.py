"""The chat platforms on the running stack, IAM enforced: mentions, buttons, approval, Messenger and Dialogflow."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import requests

from local import seeding
from local.chat.exchange import Json
from tests.system.harness import Shop


def signed(shop: Shop, path: str, body: bytes, kind: str) -> requests.Response:
    """A request as Slack signs it."""
    now = str(int(time.time()))
    secret = shop.cloud.secrets.slack_signing.encode()
    made = hmac.new(secret, b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": f"v0={made}",
    }
    return shop.cloud.http("POST", path, data=body, headers=headers)


def mention(
    shop: Shop, text: str, *, ts: str, user: str = seeding.USER, event: str = ""
) -> requests.Response:
    callback = {
        "type": "event_callback",
        "team_id": seeding.TEAM,
        "event_id": event or f"Ev{time.time_ns()}",
        "event": {
            "type": "app_mention",
            "user": user,
            "channel": seeding.CHANNEL,
            "text": f"<@U0BELLHOP> {text}",
            "ts": ts,
        },
    }
    return signed(shop, "/slack/events", json.dumps(callback).encode(), "application/json")


def press(shop: Shop, command: str, *, user: str, ts: str = "1.1") -> requests.Response:
    """A button that carries the command is pressed."""
    minted = shop.chat.mint(seeding.CHANNEL, user, command)
    payload = {
        "type": "block_actions",
        "user": {"id": user},
        "team": {"id": seeding.TEAM},
        "channel": {"id": seeding.CHANNEL},
        "container": {"type": "message", "message_ts": ts, "channel_id": seeding.CHANNEL},
        "response_url": minted.response_url,
        "trigger_id": minted.trigger_id,
        "actions": [
            {
                "action_id": "b0",
                "block_id": "a",
                "type": "button",
                "value": command,
                "action_ts": str(time.time()),
            }
        ],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return signed(shop, "/slack/interactions", body, "application/x-www-form-urlencoded")


def messages(shop: Shop, **fields: str) -> list[Json]:
    return [m for m in shop.chat.messages() if all(m.get(name) == value for name, value in fields.items())]


def test_slack_verifies_the_events_address(shop: Shop) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    answer = signed(shop, "/slack/events", body, "application/json")
    assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})
    assert shop.cloud.http("POST", "/slack/events", data=body).status_code == 401


def test_a_mention_is_answered_once_in_its_thread(shop: Shop) -> None:
    ts, event = f"{time.time():.6f}", f"Ev{time.time_ns()}"
    for _ in range(2):  # Slack's own retry
        assert mention(shop, "status", ts=ts, event=event).status_code == 200

    def answers() -> list[Json]:
        return [m for m in shop.chat.messages() if m.get("thread_ts") == ts]

    (answer,) = shop.until(answers, "the answer in the thread")
    assert "alarm trigger" in json.dumps(answer)
    shop.until(lambda: shop.queue_is_empty(shop.queue_url("bellhop-commands.fifo")), "an empty queue")
    assert len(answers()) == 1


def node(shop: Shop, *pods: str) -> str:
    """A node with pods of the test's own replica set."""
    name = f"node-{shop.name}"[:60].strip("-")
    seeding.create(shop.cloud, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
    for pod in pods:
        metadata = {
            "name": pod,
            "namespace": "shop",
            "labels": {"app": shop.name},
            "ownerReferences": [owner],
        }
        spec = {"nodeName": name, "containers": [{"name": "web", "image": "example.com/web:1"}]}
        seeding.create(shop.cloud, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return name


def test_a_drain_is_proposed_approved_by_another_and_done(shop: Shop) -> None:
    name = node(shop, "drained-a", "drained-b")
    assert "needs approval by another person" in shop.ask(f"drain {name}", user=seeding.ADMIN)
    entry = shop.until(
        lambda: [e for e in shop.everything() if e["reason"] == "ApprovalNeeded"], "the entry"
    )[0]
    id_ = entry["subject"].partition("/")[2]
    assert "another person must approve" in shop.ask(f"approve {id_}", user=seeding.ADMIN)
    for _ in range(2):  # the same button pressed twice
        assert press(shop, f"approve {id_}", user=seeding.OTHER_ADMIN).status_code == 200

    def left() -> list[Any]:
        pods = shop.cloud.kubernetes("/api/v1/namespaces/shop/pods").json()["items"]
        return [pod for pod in pods if pod["spec"].get("nodeName") == name]

    shop.until(lambda: not left(), "a drained node")
    drained = [e for e in shop.until(lambda: shop.entries(f"node/{name}"), "entries") if e["reason"]]
    shop.until(
        lambda: [e for e in shop.entries(f"node/{name}") if e["reason"] == "NodeDrained"], "the outcome"
    )
    assert drained
    assert shop.cloud.kubernetes(f"/api/v1/nodes/{name}").json()["spec"]["unschedulable"] is True
    assert "uncordon" in outcome_of(shop, f"uncordon {name}")


def outcome_of(shop: Shop, text: str) -> str:
    talk = shop.talk(seeding.ADMIN)
    asked = talk.ask(text)
    assert asked.accepted, asked.said
    talk.replies(asked.reply_to, 60)
    return json.dumps(talk.replies(asked.reply_to, 60))


def test_an_operator_may_not_drain(shop: Shop) -> None:
    assert "is not among what ana (operator) may run" in shop.ask("drain some-node")


def test_a_restart_rolls_a_workload_over(shop: Shop) -> None:
    shop.deploy(replicas=2)
    said = shop.ask(f"restart {shop.name} -n shop")
    assert "cancel" in said
    shop.until(lambda: [e for e in shop.entries() if e["reason"] == "RolloutComplete"], "the outcome", 90)


def test_messenger_is_verified_and_answered(shop: Shop) -> None:
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": shop.cloud.secrets.messenger_verify_token,
        "hub.challenge": "1158201444",
    }
    answer = shop.cloud.http("GET", "/messenger", params=query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    event = {
        "sender": {"id": seeding.MESSENGER_USER},
        "recipient": {"id": seeding.PAGE},
        "timestamp": int(time.time() * 1000),
        "message": {"mid": f"m_{time.time_ns()}", "text": "status"},
    }
    body = json.dumps(
        {"object": "page", "entry": [{"id": seeding.PAGE, "time": 1, "messaging": [event]}]}
    ).encode()
    made = hmac.new(shop.cloud.secrets.messenger_app_secret.encode(), body, hashlib.sha256).hexdigest()
    for signature, status in ((made[::-1], 401), (made, 200), (made, 200)):  # forged, and Meta's own retry
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
        assert shop.cloud.http("POST", "/messenger", data=body, headers=headers).status_code == status
    sent = shop.until(lambda: messages(shop, via="messenger", channel=seeding.MESSENGER_USER), "the answer")
    assert "alarm trigger" in json.dumps(sent)


def test_dialogflow_is_answered_in_its_own_request_and_only_reads(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.cloud.secrets.dialogflow_token}"}

    def asked(text: str) -> str:
        body = {
            "responseId": f"r-{time.time_ns()}",
            "session": "projects/p/agent/sessions/s1",
            "queryResult": {"queryText": text, "languageCode": "en", "parameters": {}},
        }
        answer = shop.cloud.http("POST", "/dialogflow/es", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["fulfillmentText"])

    shop.until(lambda: "alarm trigger" in asked("status"), "an answer within Dialogflow's time")
    assert "may run" in asked("scale web 3 -n shop") or "not for Dialogflow" in asked("scale web 3 -n shop")
    wrong = shop.cloud.http("POST", "/dialogflow/es", json={}, headers={"Authorization": "Bearer no"})
    assert wrong.status_code == 401
