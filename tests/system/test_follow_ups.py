"""Looks that no alarm brings about, on the running stack: follow-ups, and the schedule's resync."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial

from local import seeding
from local.deployment import STACK
from tests.system.harness import Shop

RULE = f"{STACK}-resync"
SLOT = 15


def ring_unheard(shop: Shop, value: float) -> None:
    """A CloudWatch alarm that is in ALARM with this value and has told nobody."""
    cloudwatch = shop.cloud.client("cloudwatch")
    seeding.put_alarm(shop.cloud, shop.name, metric={"Namespace": "System", "MetricName": shop.name})
    cloudwatch.disable_alarm_actions(AlarmNames=[shop.name])
    cloudwatch.put_metric_data(Namespace="System", MetricData=[{"MetricName": shop.name, "Value": value}])

    def rings() -> bool:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[shop.name])["MetricAlarms"]
        return bool(alarm["StateValue"] == "ALARM")

    shop.until(rings, "the alarm to ring")


def follow_up_after(shop: Shop, replicas: int) -> datetime | None:
    """When the next look is due, once the change to so many replicas is closed."""
    status = shop.policy().get("status", {})
    last = status.get("lastDecision", {})
    if (last.get("phase"), last.get("desired")) != ("Done", replicas):
        return None
    return datetime.fromisoformat(status["followUp"])


def test_one_event_at_a_slow_rate_reaches_its_target_by_follow_ups_alone(shop: Shop) -> None:
    shop.deploy()
    slowly = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": SLOT}]}
    shop.govern(behavior={"scaleUp": slowly}, evaluateEverySeconds=SLOT)
    ring_unheard(shop, 105.0)
    shop.deliver(shop.eventbridge(value=105.0))
    due = []
    for replicas in (5, 6, 7):
        due.append(shop.until(partial(follow_up_after, shop, replicas), f"{replicas} replicas"))
        assert shop.replicas() == replicas
    assert due == sorted(set(due))
    assert len({int(at.timestamp()) // SLOT for at in due}) == len(due), "each in a slot of its own"

    changes = shop.changes()
    assert [e["summary"] for e in changes] == [
        f"shop/{shop.name}: {change} replicas" for change in ("4 -> 5", "5 -> 6", "6 -> 7")
    ]
    assert {e["actor"] for e in changes} == {f"alarm {shop.name}"}
    assert len({e["cause"] for e in changes}) == 3
    assert all("asks for 7" in e["because"] for e in changes)

    # And it stays there, though it goes on looking while the alarm rings.
    def later() -> datetime | None:
        at = follow_up_after(shop, 7)
        return at if at is not None and at > due[-1] else None

    shop.until(later, "one look more")
    assert shop.replicas() == 7
    assert len(shop.changes()) == 3
    shop.withdraw()


def test_a_policy_made_while_its_alarm_rings_is_served_by_the_resync(shop: Shop) -> None:
    ring_unheard(shop, 86.0)
    shop.deploy()
    shop.govern()
    answer = shop.cloud.client("lambda").invoke(
        FunctionName=shop.cloud.outputs["ScalingFunctionArn"], Payload=b'{"bellhop": "resync"}'
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    (entry,) = shop.until(shop.changes, "the entry")
    assert entry["actor"] == f"alarm {shop.name}"
    shop.withdraw()


def test_the_resync_is_scheduled(shop: Shop) -> None:
    events = shop.cloud.client("events")
    (rule,) = events.list_rules(NamePrefix=RULE)["Rules"]
    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(5 minutes)")
    (target,) = events.list_targets_by_rule(Rule=RULE)["Targets"]
    assert target["Arn"] == shop.cloud.outputs["ScalingFunctionArn"]
    assert json.loads(target["Input"]) == {"bellhop": "resync"}


def test_the_schedule_alone_serves_a_policy_made_while_its_alarm_rings(shop: Shop) -> None:
    ring_unheard(shop, 86.0)
    shop.deploy()
    shop.govern()
    events = shop.cloud.client("events")
    # Counted from when the rule was made, at the deploy: so it is soon, the more tests ran before.
    events.put_rule(Name=RULE, ScheduleExpression="rate(1 minute)")
    try:
        shop.until(lambda: shop.replicas() == 6, "6 replicas", 90)
    finally:
        events.put_rule(Name=RULE, ScheduleExpression="rate(5 minutes)")
    assert shop.logged("scaling", "scaling.resync")
    assert shop.until(shop.notices, "the notice")
    shop.withdraw()
