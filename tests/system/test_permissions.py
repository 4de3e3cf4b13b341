"""IAM is enforced on the running stack: what a role lacks fails, and only Bellhop sends to its own queues."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.deployment import REGION
from tests.system.harness import Shop


def test_without_one_action_of_its_policy_scaling_fails_with_access_denied(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    iam = shop.cloud.client("iam")
    role = shop.cloud.outputs["ScalingRoleArn"].rpartition("/")[2]
    granted = iam.get_role_policy(RoleName=role, PolicyName="scaling")["PolicyDocument"]
    narrowed = json.loads(json.dumps(granted))
    narrowed["Statement"] = [s for s in narrowed["Statement"] if s["Sid"] != "WriteDown"]
    assert len(narrowed["Statement"]) == len(granted["Statement"]) - 1
    iam.put_role_policy(RoleName=role, PolicyName="scaling", PolicyDocument=json.dumps(narrowed))
    try:
        shop.deliver(shop.eventbridge())
        log = shop.cloud.aws.log
        denied = "not authorized to perform: dynamodb:PutItem"
        shop.until(lambda: denied in log.read_text(errors="replace"), "AccessDenied in the function's log")
        assert shop.entries() == []
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="scaling", PolicyDocument=json.dumps(granted))
    # With the action back, the redelivered message finds its write done and is told of at last.
    assert [e["outcome"] for e in shop.until(shop.entries, "the entry", 180)] == ["done"]
    assert shop.replicas() == 6


@pytest.mark.parametrize("queue", ["bellhop-commands.fifo", "bellhop-scaling"])
def test_somebody_with_all_of_sqs_cannot_send_to_bellhops_own_queues(shop: Shop, queue: str) -> None:
    iam = shop.cloud.client("iam")
    user = f"intruder-{queue.removesuffix('.fifo')}"
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="all-of-sqs", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    sqs: Any = boto3.client(
        "sqs",
        endpoint_url=shop.cloud.aws_url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    fifo = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if queue.endswith(".fifo") else {}
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=url, MessageBody="{}", **fifo)
    assert refused.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}


def test_a_role_without_an_access_entry_is_refused_by_the_cluster_and_it_is_told(shop: Shop) -> None:
    shop.deploy()
    shop.govern()
    eks, role = shop.cloud.client("eks"), shop.cloud.outputs["ScalingRoleArn"]
    eks.delete_access_entry(clusterName="demo", principalArn=role)
    try:
        # The cluster keeps entries for some seconds, as EKS does: alarms go through until it notices.
        def refused() -> bool:
            shop.deliver(shop.eventbridge())
            shop.until(lambda: shop.queue_is_empty(shop.cloud.outputs["AlarmsQueueUrl"]), "an empty queue")
            told = shop.entries() + shop.entries(f"alarm/{shop.name}")
            return any(e["reason"] == "Unauthorized" for e in told)

        shop.until(refused, "the refusal in the ledger")
    finally:
        eks.create_access_entry(
            clusterName="demo", principalArn=role, type="STANDARD", kubernetesGroups=["bellhop:scaling"]
        )
    assert shop.until(lambda: shop.notices("401 Unauthorized"), "the notice")
