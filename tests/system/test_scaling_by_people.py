"""People and policies on the running stack, IAM and RBAC enforced: pause, hold, approve, and whose target it is."""

from __future__ import annotations

import re

from local.chat.prompt import render_reply
from tests.system.harness import PATIENCE, Shop


def outcome(shop: Shop, text: str) -> str:
    """What comes of a command, after the answer that it was handed on."""
    talk = shop.talk()
    asked = talk.ask(text)
    assert asked.accepted, asked.said
    (handed,) = talk.replies(asked.reply_to, PATIENCE)
    assert "follows here" in render_reply(handed), render_reply(handed)
    return render_reply(talk.replies(asked.reply_to, PATIENCE)[0])


def test_an_autoscalers_minimum_is_moved_and_what_it_owns_is_refused(shop: Shop) -> None:
    shop.deploy()
    shop.autoscale(minimum=2, maximum=5)
    shop.govern()
    shop.deliver(shop.eventbridge())
    (refusal,) = shop.until(shop.notices, "the refusal")
    assert f"HorizontalPodAutoscaler shop/{shop.name} sizes Deployment shop/{shop.name}" in refusal
    assert shop.replicas() == 4

    target, name = {"kind": "HorizontalPodAutoscaler", "name": shop.name}, f"{shop.name}-hpa"
    shop.govern(name=name, scaleTargetRef=target)
    shop.deliver(shop.eventbridge(name=name))
    shop.until(lambda: shop.autoscaler()["spec"]["minReplicas"] == 5, "the autoscaler's minimum")
    assert shop.autoscaler()["spec"]["maxReplicas"] == 5


def test_a_paused_policy_is_left_alone_and_resumed_it_serves_the_alarm(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    assert "paused" in outcome(shop, f"pause {shop.name} -n shop")
    shop.ring()
    shop.until(lambda: [e for e in shop.entries() if e["reason"] == "Paused"], "the hold")
    assert "paused by ana" in shop.ask("policies -n shop")
    assert "resumed" in outcome(shop, f"resume {shop.name} -n shop")
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    assert "4 -> 6" in shop.ask(f"explain {shop.name} -n shop")


def test_all_policies_are_paused_and_resumed(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    try:
        assert "all policies: paused" in outcome(shop, "pause all")
        assert "paused" in shop.ask("policies -n shop")
    finally:
        assert "all policies: resumed" in outcome(shop, "resume all")


def test_more_than_needs_no_approval_is_asked_for_and_given(shop: Shop) -> None:
    shop.deploy()
    shop.govern(approval={"above": 5})
    shop.ring(120.0)
    shop.until(lambda: shop.replicas() == 5, "as many as need no approval")
    asked = re.compile(r"approve ([0-9a-f]{8})")
    question = shop.until(lambda: asked.search("\n".join(shop.notices())), "the question")
    assert "approved" in outcome(shop, f"approve {question.group(1)}")
    shop.until(lambda: shop.replicas() == 8, "8 replicas")


def test_a_size_set_by_hand_is_held(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    assert "holds for 30m" in outcome(shop, f"scale {shop.name} 3 -n shop --for 30m")
    shop.ring()
    shop.until(lambda: [e for e in shop.entries() if e["reason"] == "OnHold"], "the hold")
    assert shop.replicas() == 3


def test_simulate_changes_nothing(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    said = shop.ask(f"simulate {shop.name} 90 -n shop")
    assert "stays at" in said
    assert "status" not in shop.policy()
