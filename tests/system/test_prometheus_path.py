"""Alerts that are pushed, on the running stack: a real Prometheus and Alertmanager, and Grafana's signed webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from local.deployment import STACK
from tests.system.harness import Shop
from tests.system.prometheus import ALERT, Monitoring, monitoring

#: Grows and shrinks as fast as its alert says, in slots of 15 s.
AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}


def govern_by_depth(shop: Shop) -> None:
    """150 waiting for each replica, 2 to 12 of them."""
    alert = {"matchLabels": {"alertname": ALERT, "queue": shop.name}}
    target = {"type": "AverageValue", "averageValue": 150}
    shop.govern(triggers=[{"alert": alert, "target": target}], evaluateEverySeconds=15, behavior=AT_ONCE)


def watching(shop: Shop, folder: Path, *, repeat_interval: str) -> AbstractContextManager[Monitoring]:
    # By path, not by Host, which Alertmanager cannot choose.
    door = f"{shop.cloud.aws_url}/_aws/execute-api/{shop.cloud.outputs['HttpApiId']}/$default"
    token = shop.cloud.secrets.alerts_token
    return monitoring(
        folder, door=f"{door}/alerts/alertmanager", token=token, repeat_interval=repeat_interval
    )


def test_prometheus_drives_a_workload_up_and_alertmanagers_resolved_brings_it_down(
    shop: Shop, tmp_path: Path
) -> None:
    shop.deploy(2)
    govern_by_depth(shop)
    with watching(shop, tmp_path, repeat_interval="6s") as monitored:
        monitored.gauges.set(shop.name, 900)
        shop.until(lambda: shop.replicas() == 6, "6 replicas")
        # Nothing but a repeat brings a new value of an alert that goes on firing.
        monitored.gauges.set(shop.name, 1350)
        shop.until(lambda: shop.replicas() == 9, "9 replicas")
        monitored.gauges.set(shop.name, 0)
        shop.until(lambda: shop.replicas() == 2, "minReplicas again")

    sizes = [f"{change} replicas" for change in ("2 -> 6", "6 -> 9", "9 -> 2")]
    changes = shop.until(lambda: three(shop.changes()), "the three entries")
    assert [e["summary"] for e in changes] == [f"shop/{shop.name}: {size}" for size in sizes]
    assert {e["actor"] for e in changes} == {f"alert {ALERT}"}
    assert f"{ALERT} 900 of 150 over 2 pods asks for 6" in changes[0]["because"]
    assert f"{ALERT} is OK and asks for minReplicas 2" in changes[2]["because"]
    notices = shop.until(lambda: three([n for n in shop.notices() if " -> " in n]), "the three notices")
    assert all(size in notice for size, notice in zip(sizes, notices, strict=True))
    events = shop.events_of()
    assert {(e["involvedObject"]["kind"], e["type"], e["reason"]) for e in events} == {
        ("Deployment", "Normal", "SuccessfulRescale")
    }
    assert sorted(e["message"].partition(";")[0] for e in events) == sizes


def test_while_the_door_cannot_hand_on_it_answers_503_and_alertmanager_tries_until_it_can(
    shop: Shop, tmp_path: Path
) -> None:
    shop.deploy(2)
    govern_by_depth(shop)
    # What is repeated in an hour is not repeated here: one notification, tried again until it is through.
    with watching(shop, tmp_path, repeat_interval="1h") as monitored:

        def failed() -> float:
            return monitored.webhooks("notification_requests_failed_total")

        def through() -> float:
            return monitored.webhooks("notification_requests_total") - failed()

        with door_cut_off(shop):
            monitored.gauges.set(shop.name, 900)
            shop.until(lambda: failed() >= 3, "three attempts that failed")
            assert through() == 0
            assert shop.replicas() == 2
        shop.until(lambda: shop.replicas() == 6, "6 replicas")
        shop.until(lambda: through() == 1, "the attempt that succeeded")
        said = monitored.alertmanager.log.read_text()
    assert "unexpected status code 503" in said
    refusals = shop.logged("webhooks", "request.failed")
    assert len(refusals) >= 3
    assert all("bellhop-alarms" in line and "AccessDenied" in line for line in refusals)
    assert len(shop.logged("webhooks", "alerts.accepted")) == 1
    assert len(shop.until(shop.changes, "the entry")) == 1
    shop.withdraw()


def test_without_the_token_nothing_is_accepted(shop: Shop) -> None:
    shop.deploy()
    alert = {"matchLabels": {"deployment": shop.name}}
    shop.govern(triggers=[{"alert": alert, "target": {"type": "AverageValue", "averageValue": 7}}])
    body, token = shop.alert_group("alertmanager/firing.json"), shop.cloud.secrets.alerts_token
    assert shop.post_alerts("alertmanager", body).status_code == 401
    for proof in (
        "Bearer wrong",
        f"Bearer {token}x",
        f"Bearer {shop.cloud.secrets.api_token}",
        f"Basic {basic('bellhop', 'wrong')}",
        f"Basic {basic('grafana', token)}",
    ):
        refused = shop.post_alerts("alertmanager", body, Authorization=proof)
        assert refused.status_code == 401, proof
        assert refused.json()["error"]
    assert shop.queue_is_empty(shop.cloud.outputs["AlarmsQueueUrl"])
    assert len(shop.logged("webhooks", "request.refused")) == 6
    assert shop.logged("webhooks", "alerts.accepted") == []
    assert "triggers" not in shop.policy().get("status", {})
    assert shop.replicas() == 4

    # The same body, in both forms that are good.
    assert shop.post_alerts("alertmanager", body, Authorization=f"Bearer {token}").status_code == 200
    shop.until(lambda: shop.replicas() == 7, "7 replicas")
    good = f"Basic {basic('bellhop', token)}"
    assert shop.post_alerts("alertmanager", body, Authorization=good).status_code == 200
    shop.withdraw()


def test_grafanas_signed_webhook_scales_its_workload_and_a_forged_one_does_not(shop: Shop) -> None:
    shop.deploy()
    alert = {"matchLabels": {"deployment": shop.name}, "valueFrom": {"refId": "A"}}
    shop.govern(triggers=[{"alert": alert, "target": {"type": "Value", "value": 250}}])
    body = shop.alert_group("grafana/firing.json")
    signed = signature(body, shop.cloud.secrets.alerts_token)
    assert shop.post_alerts("grafana", body.replace(b"412.5", b"4125"), **signed).status_code == 401
    assert shop.post_alerts("grafana", body, **signature(body, "wrong")).status_code == 401
    assert shop.post_alerts("grafana", body, **signed).status_code == 200
    shop.until(lambda: shop.replicas() == 7, "7 replicas")
    (entry,) = shop.until(shop.changes, "the entry")
    assert entry["actor"] == "alert Checkout latency"
    assert "412.5 of 250 over 4 pods asks for 7" in entry["because"]
    shop.withdraw()


def three[T](found: list[T]) -> list[T]:
    return found if len(found) == 3 else []


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def signature(body: bytes, secret: str) -> dict[str, str]:
    """Grafana's headers over a body, now."""
    now = str(int(time.time()))
    mac = hmac.new(secret.encode(), f"{now}:".encode() + body, hashlib.sha256)
    return {"X_Grafana_Alerting_Timestamp": now, "X_Grafana_Alerting_Signature": mac.hexdigest()}


@contextmanager
def door_cut_off(shop: Shop) -> Iterator[None]:
    """The door may not send to AlarmsQueue while the context lasts."""
    iam, formation = shop.cloud.client("iam"), shop.cloud.client("cloudformation")
    detail = formation.describe_stack_resource(StackName=STACK, LogicalResourceId="WebhooksRole")
    role = detail["StackResourceDetail"]["PhysicalResourceId"]
    granted = iam.get_role_policy(RoleName=role, PolicyName="webhooks")["PolicyDocument"]
    narrowed = json.loads(json.dumps(granted))
    (hand_on,) = (s for s in narrowed["Statement"] if s["Sid"] == "HandOn")
    hand_on["Resource"] = [arn for arn in hand_on["Resource"] if not arn.endswith(":bellhop-alarms")]
    assert len(hand_on["Resource"]) == 1
    iam.put_role_policy(RoleName=role, PolicyName="webhooks", PolicyDocument=json.dumps(narrowed))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="webhooks", PolicyDocument=json.dumps(granted))
