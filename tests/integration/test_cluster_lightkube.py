"""The client that Bellhop uses, against the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from local.cluster.running import running_cluster

MANIFESTS = Path(__file__).parent / "manifests"
ScalingPolicy = create_namespaced_resource("bellhop.dev", "v1alpha1", "ScalingPolicy", "scalingpolicies")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running_cluster() as running:
        client = Client(KubeConfig.from_file(running.kubeconfig_file), trust_env=False)
        crd, workloads, policy = (
            list(yaml.safe_load_all((MANIFESTS / f"{name}.yaml").read_text()))
            for name in ("crd", "workloads", "policy")
        )
        client.create(cast(CustomResourceDefinition, CustomResourceDefinition.from_dict(crd[0])))
        client.create(cast(Namespace, Namespace.from_dict(workloads[0])))
        client.create(cast(Deployment, Deployment.from_dict(workloads[1])))
        client.create(ScalingPolicy.from_dict(policy[0]), namespace="shop")
        yield client
        client.close()


def test_scale_is_read_and_patched(client: Client) -> None:
    scale = client.get(Deployment.Scale, "web", namespace="shop")
    assert scale.metadata
    body = {"metadata": {"resourceVersion": scale.metadata.resourceVersion}, "spec": {"replicas": 5}}

    changed = client.patch(
        Deployment.Scale, "web", body, namespace="shop", patch_type=PatchType.MERGE, field_manager="bellhop"
    )

    assert changed.spec == ScaleSpec(replicas=5)
    with pytest.raises(ApiError) as raised:
        client.patch(Deployment.Scale, "web", body, namespace="shop", patch_type=PatchType.MERGE)
    assert (raised.value.status.code, raised.value.status.reason) == (409, "Conflict")


def test_a_policys_status_is_patched_under_its_resource_version(client: Client) -> None:
    policy = client.get(ScalingPolicy, "web", namespace="shop")
    assert policy.metadata
    assert isinstance(policy.metadata, ObjectMeta)
    body = {"metadata": {"resourceVersion": policy.metadata.resourceVersion}, "status": {"slot": 1}}

    client.patch(ScalingPolicy.Status, "web", body, namespace="shop", patch_type=PatchType.MERGE)

    (listed,) = client.list(ScalingPolicy, namespace="*")
    assert listed["status"] == {"slot": 1}
    assert listed["spec"]["minReplicas"] == 1
