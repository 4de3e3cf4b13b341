"""Run as a file, with the EKS cluster's name and STS's address: serves the API server's stand-in, told of in one JSON
line, until its standard input ends, as it does when its parent does.
"""

import json
import sys
from datetime import UTC, datetime

from local.cluster.authentication import AccessEntry, EksAuthenticator
from local.cluster.running import running_cluster

_ROLE = "arn:aws:sts::123456789012:assumed-role/bellhop-scaling/session"
_POD_START_SECONDS = 0.05


def main() -> None:
    name, sts = sys.argv[1:]
    eks = EksAuthenticator(
        name,
        sts,
        lambda _url, _cluster: _ROLE,
        lambda _cluster, _principal: AccessEntry("bellhop", ("bellhop:scaling",)),
        lambda: datetime.now(UTC),
    )
    with running_cluster(eks=eks, pod_start_seconds=_POD_START_SECONDS) as running:
        told = {"url": running.url, "control_url": running.control_url, "admin_token": running.admin_token}
        print(json.dumps(told | {"ca_file": str(running.ca_file)}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
