"""EKS with one managed node group, demo/workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

ARN = "arn:aws:eks:eu-west-1:123456789012:nodegroup/demo/workers/0ac2"


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "operation")


@dataclass
class FakeEks:
    """One node group, with EKS's own rules: minSize <= desiredSize <= maxSize, one update at a time and only of
    an ACTIVE group, one update for one token."""

    least: int = 1
    desired: int = 3
    most: int = 6
    status: str = "ACTIVE"
    issues: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    updates: dict[str, dict[str, int]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def describe_nodegroup(self, *, clusterName: str, nodegroupName: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append("describe")
        if (clusterName, nodegroupName) != ("demo", "workers"):
            message = f"No node group found for name: {nodegroupName}."
            raise client_error("ResourceNotFoundException", message)
        return {
            "nodegroup": {
                "nodegroupName": "workers",
                "nodegroupArn": ARN,
                "status": self.status,
                "scalingConfig": {
                    "minSize": self.least,
                    "maxSize": self.most,
                    "desiredSize": self.desired,
                },
                "health": {"issues": [{"code": code, "message": "..."} for code in self.issues]},
                "tags": self.tags,
                "labels": self.labels,
            }
        }

    def update_nodegroup_config(
        self,
        *,
        clusterName: str,  # noqa: N803
        nodegroupName: str,  # noqa: N803
        scalingConfig: dict[str, int],  # noqa: N803
        clientRequestToken: str,  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append("update")
        assert (clusterName, nodegroupName) == ("demo", "workers")
        if clientRequestToken in self.updates:
            return {"update": {"id": clientRequestToken}}
        if self.status != "ACTIVE":
            message = "Nodegroup cannot be updated as it is currently not in Active State"
            raise client_error("ResourceInUseException", message)
        least = scalingConfig.get("minSize", self.least)
        desired = scalingConfig.get("desiredSize", self.desired)
        most = scalingConfig.get("maxSize", self.most)
        if not 0 <= least <= desired <= most or most < 1:
            raise client_error("InvalidParameterException", "desiredSize can't be greater than maxSize")
        self.least, self.desired, self.most = least, desired, most
        self.status = "UPDATING"
        self.updates[clientRequestToken] = scalingConfig
        return {"update": {"id": clientRequestToken}}
