"""The real ports of authentication.py: STS over HTTP, EKS through boto3."""

from __future__ import annotations

import http.client
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.cluster.authentication import AccessEntry
from local.cluster.eks_token import CLUSTER_HEADER, TokenError

if TYPE_CHECKING:
    from local.cluster.authentication import FindEntry

TIMEOUT = 10  # seconds
_ARN = re.compile(r"<Arn>\s*([^<\s]+)\s*</Arn>")
_LONGEST_ANSWER = 64 * 1024


def identify(url: str, cluster: str) -> str:
    """GET the presigned URL with the cluster's name as the signed header; the Arn in the answer.

    Redirects are not followed. Raises TokenError for any answer but 200 with an Arn.
    """
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.netloc, timeout=TIMEOUT)
    try:
        headers = {CLUSTER_HEADER: cluster, "Accept": "application/json"}
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        answer = connection.getresponse()
        body = answer.read(_LONGEST_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TokenError(f"STS did not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise TokenError(f"STS answered {answer.status}")
    return arn_in(body)


def arn_in(body: str) -> str:
    """The Arn of a GetCallerIdentity answer, XML or JSON. Raises TokenError when there is none."""
    if found := _ARN.search(body):
        return found[1]
    try:
        arn = json.loads(body)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"]
    except (ValueError, KeyError, TypeError) as error:
        raise TokenError("STS answered without an Arn") from error
    if not isinstance(arn, str):
        raise TokenError("STS answered an Arn that is no text")
    return arn


def access_entries(endpoint: str, region: str) -> FindEntry:
    """DescribeAccessEntry at this endpoint, with the process's own AWS credentials."""
    import boto3  # noqa: PLC0415  # slow to load, and only needed with EKS tokens
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    client = boto3.client("eks", endpoint_url=endpoint or None, region_name=region)

    def find(cluster: str, principal: str) -> AccessEntry | None:
        try:
            entry = client.describe_access_entry(clusterName=cluster, principalArn=principal)["accessEntry"]
        except client.exceptions.ResourceNotFoundException:
            return None
        except (BotoCoreError, ClientError) as error:
            raise TokenError(f"EKS did not answer: {error}") from error
        return AccessEntry(entry.get("username", ""), tuple(entry.get("kubernetesGroups", ())))

    return find
