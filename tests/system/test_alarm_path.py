"""Path A on the running stack, IAM enforced: an alarm in each form scales a workload and the team is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from local import seeding
from tests.system.harness import EVENTS, Shop, invoke_directly, kill_workers, stamp


def test_a_cloudwatch_alarm_scales_its_workload_and_the_team_is_told(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    metric = {"Namespace": "System", "MetricName": shop.name}
    seeding.put_alarm(shop.cloud, shop.name, metric=metric)
    shop.cloud.client("cloudwatch").put_metric_data(
        Namespace="System", MetricData=[{"MetricName": shop.name, "Value": 86.0}]
    )
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    notice = shop.until(shop.notices, "the notice")[0]
    assert f"shop/{shop.name}: 4 -> 6 replicas" in notice
    assert f"{shop.name} 86 of 60 over 4 pods asks for 6" in notice
    (entry,) = shop.changes()
    assert (entry["outcome"], entry["actor"]) == ("done", f"alarm {shop.name}")
    status = shop.policy()["status"]
    assert (status["desiredReplicas"], status["lastDecision"]["phase"]) == (6, "Done")


def test_an_eventbridge_alarm_scales_its_workload(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    shop.deliver(shop.eventbridge())
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    assert shop.until(shop.notices, "the notice")


def test_an_alarms_direct_action_scales_its_workload(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    event = json.loads((EVENTS / "cloudwatch/direct-action.json").read_text())
    event["alarmArn"] = f"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:{shop.name}"
    event["alarmData"]["alarmName"] = shop.name
    event["alarmData"]["state"]["timestamp"] = stamp(datetime.now(UTC))
    invoke_directly(shop, event)
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    assert shop.until(shop.notices, "the notice")


def test_five_deliveries_at_once_and_an_older_one_make_one_change_one_entry_one_notice(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    now = datetime.now(UTC)
    body = shop.eventbridge(at=now)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: shop.deliver(body), range(5)))
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    older = shop.eventbridge(at=now - timedelta(minutes=5), value=10.0)
    shop.deliver(older)
    # The others wait for the first one's lease at most, and are then acknowledged.
    shop.until(lambda: shop.queue_is_empty(shop.cloud.outputs["AlarmsQueueUrl"]), "an empty queue", 90)
    assert shop.replicas() == 6
    # CloudWatch does not know this alarm: the next look says that it was deleted, in an entry of its own.
    assert len(shop.changes()) == 1
    told = shop.until(lambda: [n for n in shop.notices() if "4 -> 6" in n], "the notice")
    assert len(told) == 1


def test_what_is_no_alarm_goes_to_the_dead_letters_and_the_rest_of_its_batch_is_done(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    shop.deliver("not json", shop.eventbridge(), '{"detail-type": "something else"}')
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    buried = shop.until(lambda: shop.dead_letters("AlarmsDeadLetterQueueUrl"), "the dead letters")
    if len(buried) < 2:
        buried += shop.until(lambda: shop.dead_letters("AlarmsDeadLetterQueueUrl"), "the second dead letter")
    assert {m["Body"] for m in buried} == {"not json", '{"detail-type": "something else"}'}
    for message in buried:
        attributes = message["MessageAttributes"]
        assert attributes["code"]["StringValue"] == "InvalidInput"
        assert attributes["reason"]["StringValue"]


def test_an_unknown_alarm_is_in_the_ledger_and_not_in_chat(shop: Shop) -> None:
    shop.deliver(shop.eventbridge())
    (entry,) = shop.until(lambda: shop.entries(f"alarm/{shop.name}"), "the entry")
    assert (entry["reason"], entry["outcome"]) == ("NoPolicy", "held")
    assert shop.notices(shop.name) == []


def test_a_missing_target_is_told(shop: Shop) -> None:
    shop.govern()
    shop.deliver(shop.eventbridge())
    (notice,) = shop.until(shop.notices, "the notice")
    assert "not found" in notice
    assert shop.entries()[0]["reason"] == "TargetMissing"


def test_a_policy_that_contradicts_itself_is_told(shop: Shop) -> None:
    shop.deploy()
    shop.govern(activeFor="40d")  # what contradicts itself outright, the API server has refused
    shop.deliver(shop.eventbridge())
    (notice,) = shop.until(shop.notices, "the notice")
    assert "activeFor 40d is not from 1m to 30d" in notice
    assert shop.replicas() == 4


def test_a_cluster_that_refuses_is_told_and_not_asked_again(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    shop.fault(method="PATCH", path=f"/{shop.name}/scale", action="status", status=403, reason="Forbidden")
    shop.deliver(shop.eventbridge())
    (notice,) = shop.until(shop.notices, "the notice")
    assert "docs/deploying.md" in notice
    assert (shop.entries()[0]["outcome"], shop.entries()[0]["reason"]) == ("failed", "Forbidden")
    assert shop.replicas() == 4
    assert shop.policy()["status"]["conditions"][0]["status"] == "False"


def test_a_conflict_is_read_and_decided_again(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    shop.fault(
        method="PATCH", path=f"/{shop.name}/scale", action="status", status=409, reason="Conflict", times=2
    )
    shop.deliver(shop.eventbridge())
    shop.until(lambda: shop.replicas() == 6, "6 replicas")
    assert [e["outcome"] for e in shop.until(shop.entries, "the entry")] == ["done"]


def test_bellhops_own_alarm_is_told_in_chat_and_never_scales(shop: Shop) -> None:
    shop.deploy(name="own")
    shop.govern(
        name="own", triggers=[{"alarm": {"pattern": "bellhop-*"}, "target": {"type": "Value", "value": 1}}]
    )
    shop.cloud.client("cloudwatch").set_alarm_state(
        AlarmName="bellhop-alarms-dead-letters", StateValue="ALARM", StateReason="a message is dead"
    )
    (notice,) = shop.until(lambda: shop.notices("bellhop-alarms-dead-letters"), "the notice")
    assert "a message is dead" in notice
    shop.deliver(shop.eventbridge(name="bellhop-alarms-dead-letters"))
    shop.until(lambda: shop.queue_is_empty(shop.cloud.outputs["AlarmsQueueUrl"]), "an empty queue")
    assert shop.replicas("own") == 4
    assert shop.entries("shop/own") == []


def kill_during(shop: Shop, name: str, action: str) -> None:
    """Deliver the workload's alarm, hold its write in the API server, and kill the worker that waits for it."""
    shop.fault(method="PATCH", path=f"/{name}/scale", action=action)
    shop.deliver(shop.eventbridge(name=name))
    shop.until(lambda: shop.held() == 1, "the write to be held")
    assert kill_workers(shop.cloud, "bellhop-scaling") >= 1
    shop.until(lambda: shop.held() == 0, "the dead client to be noticed")


def test_killed_before_its_write_after_its_write_or_without_a_cluster_the_redelivery_ends_right(
    shop: Shop,
) -> None:
    before, after, away = "killed-before", "killed-after", "cluster-away"
    for name in (before, after, away):
        shop.deploy(name=name)
        shop.govern(name=name)
    shop.fault(
        method="PATCH", path=f"/{away}/scale", action="status", status=503, reason="ServiceUnavailable"
    )
    shop.deliver(shop.eventbridge(name=away))
    shop.until(lambda: shop.entries(f"shop/{away}"), "the entry that the cluster is away")
    # One after the other: a worker takes a batch's messages in turn, and waits 3 s for a held answer.
    kill_during(shop, before, "hold-before")
    pending = shop.policy(before)["status"]["lastDecision"]
    assert (shop.replicas(before), pending["phase"], pending["desired"]) == (4, "Pending", 6)
    kill_during(shop, after, "hold-after")
    pending = shop.policy(after)["status"]["lastDecision"]
    assert (shop.replicas(after), pending["phase"], pending["desired"]) == (6, "Pending", 6)
    shop.clear_faults()

    # Nothing but the queue's own redelivery brings it to its end.
    for name in (before, after, away):

        def done(name: str = name) -> bool:
            return bool(shop.policy(name)["status"]["lastDecision"]["phase"] == "Done")

        shop.until(done, f"{name} to be settled", 180)
    assert [shop.replicas(name) for name in (before, after, away)] == [6, 6, 6]
    (told_before,) = shop.entries(f"shop/{before}")
    assert told_before["because"].endswith("an earlier attempt ended before its write")
    (told_after,) = shop.entries(f"shop/{after}")
    assert told_after["because"].endswith("written by an attempt that ended before it could tell")
    assert [e["outcome"] for e in shop.entries(f"shop/{away}")] == ["done", "failed"]
    for name in (before, after):

        def notices(name: str = name) -> list[str]:
            return shop.notices(f"shop/{name}:")

        assert len(shop.until(notices, "the notice")) == 1
