"""For all tests: no settings of this machine, no AWS account, no settings of a function; no haste."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine makes an example slow, not wrong.
settings.register_profile("bellhop", deadline=None)
settings.load_profile("bellhop")

_HERE = Path(__file__).parent
_SETTINGS = (
    *("ACCESS_", "ALARMS_", "ALLOWED_", "API_", "AWS_", "BELLHOP_", "CLUSTER_", "COMMANDS_", "DEAD_LETTER_"),
    *(
        "DEFAULT_NAMESPACE",
        "LEDGER_",
        "NOTIFICATIONS_",
        "OWN_ALARMS",
        "POWERTOOLS_",
        "PRIVATE_HOSTS",
        "SCALING_",
    ),
    *("SLACK_", "STATE_TABLE", "FEEDS_", "QUEUES", "JOBS_", "NODE_", "GRAPH_", "MESSENGER_", "DIALOGFLOW_"),
)
_FAKE = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture(autouse=True)
def _fake_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(request.path.is_relative_to(_HERE / kind) for kind in ("unit", "integration")):
        return
    for name in os.environ:
        if name.startswith(_SETTINGS):
            monkeypatch.delenv(name)
    for name, value in _FAKE.items():
        monkeypatch.setenv(name, value)
