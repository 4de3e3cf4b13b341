"""Which kinds the stand-in serves: the built-in ones, and those a CustomResourceDefinition adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local.cluster.answers import Json

type Key = tuple[str, str]  # API group and plural: where objects live, whatever version is asked for


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a kind's /scale reads and writes: dotted paths from the object's root."""

    replicas: str = "spec.replicas"
    status_replicas: str = "status.replicas"
    selector: str = ""  # empty: computed from spec.selector, as built-in workloads do


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One served version of one resource."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    generation: bool = False
    scale: ScalePaths | None = None
    singular: str = ""
    list_name: str = ""
    custom: bool = False
    schema: Json | None = None
    columns: tuple[Json, ...] = ()

    @property
    def key(self) -> Key:
        """Where the store keeps its objects."""
        return self.group, self.plural

    @property
    def api_version(self) -> str:
        """`apps/v1`; `v1` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """`DeploymentList`."""
        return self.list_name or f"{self.name}List"


CRD_KEY: Key = ("apiextensions.k8s.io", "customresourcedefinitions")
NAMESPACES: Key = ("", "namespaces")

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_ALL = ("all",)
_EXTENSIONS = ("api-extensions",)
_WORKLOAD = {"status": True, "generation": True, "categories": _ALL, "scale": ScalePaths()}

BUILT_IN: tuple[Kind, ...] = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False, short_names=("ns",), status=True),
    Kind("", "v1", "nodes", "Node", namespaced=False, short_names=("no",), status=True),
    Kind("", "v1", "pods", "Pod", short_names=("po",), categories=_ALL, status=True),
    Kind("", "v1", "events", "Event", short_names=("ev",)),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",)),
    Kind("", "v1", "services", "Service", short_names=("svc",), categories=_ALL, status=True),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",)),
    Kind("apps", "v1", "deployments", "Deployment", short_names=("deploy",), **_WORKLOAD),  # type: ignore[arg-type]
    Kind("apps", "v1", "statefulsets", "StatefulSet", short_names=("sts",), **_WORKLOAD),  # type: ignore[arg-type]
    Kind("apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",), **_WORKLOAD),  # type: ignore[arg-type]
    Kind("apps", "v1", "daemonsets", "DaemonSet", short_names=("ds",), status=True, generation=True),
    Kind(
        "autoscaling",
        "v1",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=_ALL,
        status=True,
    ),
    Kind(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=_ALL,
        status=True,
    ),
    Kind(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        short_names=("pdb",),
        status=True,
        generation=True,
    ),
    Kind(_RBAC, "v1", "roles", "Role"),
    Kind(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind(
        _ADMISSION,
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        namespaced=False,
        categories=_EXTENSIONS,
        generation=True,
    ),
    Kind(
        _ADMISSION,
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
        categories=_EXTENSIONS,
        generation=True,
    ),
    Kind(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=_EXTENSIONS,
        status=True,
        generation=True,
    ),
)


def custom_kinds(definition: Json) -> Iterator[Kind]:
    """The kinds that one CustomResourceDefinition serves, one for each served version."""
    spec = definition["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        subresources = version.get("subresources") or {}
        yield Kind(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            name=names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            status="status" in subresources,
            generation=True,
            scale=_scale_paths(subresources.get("scale")),
            singular=names.get("singular", ""),
            list_name=names.get("listKind", ""),
            custom=True,
            schema=(version.get("schema") or {}).get("openAPIV3Schema"),
            columns=tuple(version.get("additionalPrinterColumns") or ()),
        )


def all_kinds(definitions: Iterable[Json]) -> list[Kind]:
    """Everything served now: built-in kinds first, then those of the definitions given."""
    return [*BUILT_IN, *(kind for definition in definitions for kind in custom_kinds(definition))]


def find_kind(kinds: Iterable[Kind], group: str, version: str, plural: str) -> Kind | None:
    """The kind behind /apis/GROUP/VERSION/PLURAL; None where the real server has no such page."""
    wanted = (group, version, plural)
    return next((kind for kind in kinds if (kind.group, kind.version, kind.plural) == wanted), None)


def _scale_paths(declared: Json | None) -> ScalePaths | None:
    if declared is None:
        return None
    return ScalePaths(
        replicas=declared["specReplicasPath"].lstrip("."),
        status_replicas=declared["statusReplicasPath"].lstrip("."),
        selector=declared.get("labelSelectorPath", "").lstrip("."),
    )
