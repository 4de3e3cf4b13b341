"""What the local cloud starts with: a cluster that knows Bellhop's roles, workloads, a policy, people, secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
import yaml

from local.cloud import LocalCloud
from local.deployment import STACK

CLUSTER = "demo"
ALARM = "web-cpu-high"
METRIC = {"Namespace": "Shop", "MetricName": "CPUUtilization"}
THRESHOLD = 60.0

TEAM = "T0LOCAL"
CHANNEL = "C0OPS"
USER = "U0ANA"
VIEWER = "U0VIC"
ADMIN, OTHER_ADMIN = "U0ADA", "U0BOB"
PAGE, MESSENGER_USER = "4200", "7700"

ACCESS = {
    "persons": {
        "ana": {"ids": [f"slack:{TEAM}/{USER}"], "roles": ["operator"]},
        "vic": {"ids": [f"slack:{TEAM}/{VIEWER}", f"messenger:{PAGE}/{MESSENGER_USER}"], "roles": ["viewer"]},
        "ada": {"ids": [f"slack:{TEAM}/{ADMIN}"], "roles": ["admin"]},
        "bob": {"ids": [f"slack:{TEAM}/{OTHER_ADMIN}"], "roles": ["admin"]},
        "agent": {"ids": ["dialogflow:es/agent", "dialogflow:cx/agent"], "roles": ["viewer"]},
    }
}

_ROOT = Path(__file__).resolve().parent.parent
#: Where the kinds the manifests use live in the API, and whether in a namespace.
COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{namespace}/statefulsets",
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
    "ScalingPolicy": "/apis/bellhop.dev/v1alpha1/namespaces/{namespace}/scalingpolicies",
}


def seed(cloud: LocalCloud) -> None:
    """Everything the demo and the system tests start from."""
    _let_roles_in(cloud)
    for file in (*sorted((_ROOT / "kubernetes").glob("*.yaml")), _ROOT / "local/manifests/shop.yaml"):
        for manifest in yaml.safe_load_all(file.read_text()):
            create(cloud, manifest)
    put_parameters(cloud)
    put_alarm(cloud, ALARM)


def create(cloud: LocalCloud, manifest: dict[str, Any]) -> dict[str, Any]:
    """Create one object in the cluster, as its administrator. Raises requests.HTTPError when it is refused."""
    namespace = manifest["metadata"].get("namespace", "")
    response = requests.post(
        cloud.cluster_url + COLLECTIONS[manifest["kind"]].format(namespace=namespace),
        json=manifest,
        headers={"Authorization": f"Bearer {cloud.secrets.cluster_admin}"},
        verify=str(cloud.certificates.ca),
        timeout=10,
    )
    if not response.ok:
        raise requests.HTTPError(f"{response.status_code} {response.text}", response=response)
    return dict(response.json())


def put_parameters(cloud: LocalCloud) -> None:
    """The documents and secrets that a person puts into Parameter Store on AWS."""
    ssm, key = cloud.client("ssm"), cloud.outputs["KeyArn"]
    documents = {"access": ACCESS, "notifications": {"slack": {"channel": CHANNEL}}}
    for name, document in documents.items():
        ssm.put_parameter(Name=f"/{STACK}/{name}", Type="String", Value=json.dumps(document), Overwrite=True)
    made = {
        "slack/signing-secret": cloud.secrets.slack_signing,
        "slack/bot-token": cloud.secrets.slack_bot,
        "messenger/page-token": cloud.secrets.messenger_page_token,
        "api/token": cloud.secrets.api_token,
        "alerts/token": cloud.secrets.alerts_token,
        "messenger/app-secret": cloud.secrets.messenger_app_secret,
        "messenger/verify-token": cloud.secrets.messenger_verify_token,
        "dialogflow/token": cloud.secrets.dialogflow_token,
    }
    for name, secret in made.items():
        ssm.put_parameter(
            Name=f"/{STACK}/{name}", Type="SecureString", KeyId=key, Value=secret, Overwrite=True
        )


def put_alarm(cloud: LocalCloud, name: str, *, metric: dict[str, str] | None = None) -> None:
    """An alarm on the metric (the demo's if none is given) with AlarmTopic as its action, both ways."""
    topic = cloud.outputs["AlarmTopicArn"]
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        **(metric or METRIC),
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=THRESHOLD,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )


def _let_roles_in(cloud: LocalCloud) -> None:
    """The EKS cluster, and access entries that map the functions' roles to their Kubernetes groups."""
    eks = cloud.client("eks")
    eks.create_cluster(
        name=CLUSTER,
        roleArn=cloud.outputs["ScalingRoleArn"],
        resourcesVpcConfig={"subnetIds": ["subnet-00000001", "subnet-00000002"]},
        accessConfig={"authenticationMode": "API"},
    )
    groups = {
        "ScalingRoleArn": "bellhop:scaling",
        "CommandsRoleArn": "bellhop:commands",
        "JobsRoleArn": "bellhop:jobs",
    }
    for output, group in groups.items():
        eks.create_access_entry(
            clusterName=CLUSTER,
            principalArn=cloud.outputs[output],
            type="STANDARD",
            kubernetesGroups=[group],
        )
