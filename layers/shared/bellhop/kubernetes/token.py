"""The EKS bearer token: a presigned GetCallerIdentity, made locally.

Rule: https://github.com/kubernetes-sigs/aws-iam-authenticator (API authorization from outside a cluster).
"""

from __future__ import annotations

import base64
from typing import Any

PREFIX = "k8s-aws-v1."
#: EKS accepts a token for 15 minutes from its X-Amz-Date; renewed a minute earlier.
RENEW_AFTER_SECONDS = 14 * 60
_URL_EXPIRES_SECONDS = 60
_CLUSTER_HEADER = "x-k8s-aws-id"


def eks_token(sts: Any, cluster_name: str) -> str:  # noqa: ANN401  a boto3 client
    """A token for `cluster_name`, for the identity whose credentials `sts` has. No network call."""
    handlers = (
        ("provide-client-params.sts.GetCallerIdentity", _take_cluster_name),
        ("before-sign.sts.GetCallerIdentity", _add_cluster_header),
    )
    for event, handler in handlers:
        sts.meta.events.register(event, handler, unique_id=f"bellhop-{handler.__name__}")
    url = sts.generate_presigned_url(
        "get_caller_identity",
        Params={"ClusterName": cluster_name},
        ExpiresIn=_URL_EXPIRES_SECONDS,
        HttpMethod="GET",
    )
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _take_cluster_name(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if "ClusterName" in params:
        context["eks_cluster"] = params.pop("ClusterName")


def _add_cluster_header(request: Any, **_: object) -> None:  # noqa: ANN401  botocore's AWSRequest
    if "eks_cluster" in request.context:
        request.headers[_CLUSTER_HEADER] = request.context["eks_cluster"]
