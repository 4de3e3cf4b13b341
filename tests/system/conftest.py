"""One local stack for all system tests: built, deployed and seeded as `make run` does, on free ports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.chat.client import ChatClient
from local.cloud import LocalCloud
from local.environment import local_cloud
from local.ports import Ports
from tests.system.harness import Shop


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("cloud"), Ports.free(), print) as running:
        sqs = running.client("sqs")
        for queue in ("bellhop-alarms", "bellhop-scaling"):
            # Redelivery after 25 s instead of 90, still longer than the lease: what is killed is waited for.
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "25"})
        yield running


@pytest.fixture(scope="session")
def chat(cloud: LocalCloud) -> Iterator[ChatClient]:
    with ChatClient(cloud.chat_url, cloud.certificates.ca) as client:
        yield client


@pytest.fixture
def shop(cloud: LocalCloud, chat: ChatClient, request: pytest.FixtureRequest) -> Shop:
    """A namespace's worth of helpers; workloads, alarms and metrics named after the test do not meet."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:40].strip("-")
    return Shop(cloud, chat, name, log_began=len(cloud.aws.log.read_text(errors="replace")))
