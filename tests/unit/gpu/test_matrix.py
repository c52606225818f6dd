"""Every cell of the matrix of node images: it compiles, and by whom, or it is refused with its reason."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelyard.gpu.contract import GpuContract, compile_pool, contract_problems
from modelyard.gpu.matrix import markdown
from modelyard.gpu.node_images import Cell, NodeImage, aks_image, eks_image, gke_image, node_images
from modelyard.gpu.request import GpuRequest
from modelyard.gpu.spec import CapacityBlockSpec, ReservationSpec, SharingSpec
from tests.unit.gpu.requests import MIXED, MPS, SLICES, TIME_SLICING, request

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "gpu-pools.md"
BEGIN, END = "<!-- matrix: python -m modelyard.gpu.matrix -->", "<!-- end of matrix -->"

# Of a machine that is not in the table, as most clouds have none that is.
NEW: dict[str, Any] = {
    "gpus_per_node": 8,
    "machine_type": "new.large",
    "cpus": 96,
    "memory_gib": 1850,
    "rdma_devices": 8,
}
DEVICES: dict[str, dict[str, Any]] = {
    # Named, as only machines that are known to be AWS's have a fabric where nodes exist.
    "nvidia": {"accelerator": "h100", "gpus_per_node": 8, "machine_type": "p5.48xlarge"},
    "neuron": {"accelerator": "trainium1", "gpus_per_node": 16},
    "amd": {"accelerator": "mi300x", **NEW},
    "tpu": {"accelerator": "tpu-v5e", **NEW},
}
OF_KIND: dict[str, dict[str, dict[str, Any]]] = {
    "gke": {"nvidia": {"accelerator": "h200", "gpus_per_node": 8}, "neuron": {"accelerator": "trainium1", **NEW}},
    "aks": {"nvidia": {"accelerator": "h100", "gpus_per_node": 8}, "neuron": {"accelerator": "trainium1", **NEW}},
}
GROUP = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Compute/"
    "capacityReservationGroups/gpus"
)
# What asks for nothing but the feature, and the path of what is refused.
ASKING: dict[str, tuple[dict[str, Any], str]] = {
    "on_demand": ({}, "capacity"),
    "spot": ({"capacity": "spot"}, "capacity"),
    "reservation": ({"capacity": ReservationSpec(reservation="cr-0123456789abcdef0")}, "capacity"),
    "capacity_block": (
        {"capacity": CapacityBlockSpec(capacity_block="cr-0123456789abcdef0"), "zones": ["a"]},
        "capacity",
    ),
    "flex_start": ({"capacity": "flex_start"}, "capacity"),
    "queued": ({"capacity": "queued"}, "capacity"),
    "driver_image": ({"driver": "image"}, "driver"),
    "driver_operator": ({"driver": "operator"}, "driver"),
    "device_plugin": ({}, "accelerator"),
    "dra": ({"device_allocation": "dra"}, "device_allocation"),
    "mig": ({"sharing": SLICES}, "sharing.mig"),
    "mig_mixed": ({"sharing": MIXED}, "sharing.mig"),
    "time_slicing": ({"sharing": TIME_SLICING}, "sharing.time_slicing"),
    "mps": ({"sharing": MPS}, "sharing.mps"),
    "rdma": ({"fabric": "rdma"}, "fabric"),
    "gpudirect_tcp": ({"fabric": "tcpxo"}, "fabric"),
    "metrics": ({}, "accelerator"),
}
COMPONENT = {
    "driver_operator": "gpu-operator",
    "dra": "nvidia-dra-driver",
    "mig": "gpu-operator",
    "mig_mixed": "gpu-operator",
    "rdma": "efa-device-plugin",
    "metrics": "dcgm-exporter",
}
OF_GOOGLE = "gpudirect_tcp"
"""Only Google's machines can have it, so that images of other clouds need not say so."""
ALL = [(image, cell) for image in node_images().values() for cell in image.cells.values()]


def devices(image: NodeImage, vendor: str) -> dict[str, Any]:
    return {**DEVICES, **OF_KIND.get(image.kind, {})}[vendor]


def asking(image: NodeImage, feature: str) -> dict[str, Any]:
    """What asks for the feature, in the words of this kind of cluster."""
    if (image.kind, feature) == ("aks", "reservation"):
        return {"capacity": ReservationSpec(reservation=GROUP)}
    if image.kind == "gke" and feature.startswith("mig"):
        return {"sharing": SharingSpec(mig="1g.18gb" if feature == "mig" else {"3g.71gb": 1, "1g.18gb": 4})}
    return ASKING[feature][0]


def asked(image: NodeImage, cell: Cell) -> GpuRequest:
    # A row of vendor `any` is met by one that has no row of its own; rules of the fabric know AWS' machines only.
    own = {vendor for vendor, feature in image.cells if feature == cell.feature}
    vendor = next(each for each in ("nvidia", "amd", "neuron") if each not in own)
    vendor = cell.vendor if cell.vendor != "any" else vendor
    those = {"accelerator": "h100", "gpus_per_node": 8} if cell.feature == OF_GOOGLE else devices(image, vendor)
    return request(image.cloud, "1.35", **{**those, **asking(image, cell.feature)})


@pytest.mark.parametrize(("image", "cell"), ALL, ids=[f"{cell.image}-{cell.vendor}-{cell.feature}" for _, cell in ALL])
def test_every_cell(image: NodeImage, cell: Cell) -> None:
    wanted = asked(image, cell)
    if cell.by == "none":
        (problem,) = contract_problems(wanted, image)
        assert (problem.path, problem.why, problem.fix) == (ASKING[cell.feature][1], cell.why, cell.fix)
        return
    assert (cell.why, cell.fix) == ("", "")
    contract = compile_pool(wanted, image)
    assert contract
    DONE_BY[cell.by](contract, cell)


def _by_chart(contract: GpuContract, cell: Cell) -> None:
    plugin = "neuron-device-plugin" if cell.vendor == "neuron" else "nvidia-device-plugin"
    assert COMPONENT.get(cell.feature, plugin) in contract.components
    has_plugin = "nvidia-device-plugin" in contract.components
    configured = has_plugin and cell.feature in {"time_slicing", "mps", "rdma"}
    assert bool(contract.device_plugin_config) == configured
    assert ("nvidia.com/device-plugin.config" in contract.node_labels) == configured
    assert not contract.image_settings or cell.feature == "dra"


def _by_operator(contract: GpuContract, cell: Cell) -> None:
    assert ("amd-gpu-operator" if cell.vendor == "amd" else "gpu-operator") in contract.components
    assert "nvidia-device-plugin" not in contract.components
    divided = cell.feature.startswith("mig")
    assert bool(contract.mig_config) == divided
    assert ("nvidia.com/mig.config" in contract.node_labels) == divided


def _by_settings(contract: GpuContract, cell: Cell) -> None:
    assert contract.image_settings
    assert not {"nvidia-device-plugin", "gpu-operator"} & contract.components
    assert contract.device_plugin_config is None
    assert contract.mig_config is None


def _by_what_is_there(contract: GpuContract, cell: Cell) -> None:
    """Nothing is installed or set for it: it is in the image, or its owner's, or the cloud's."""
    assert COMPONENT.get(cell.feature) not in contract.components
    # AKS divides GPUs, and the device plugin is told how to name the slices.
    is_named = cell.feature == "mig" and "nvidia-device-plugin" in contract.components
    assert contract.device_plugin_config == (
        {"version": "v1", "flags": {"migStrategy": "single"}} if is_named else None
    )
    assert contract.mig_config is None
    assert contract.image_settings == {}


def _by_nobody(contract: GpuContract, cell: Cell) -> None:
    """Simulated nodes advertise what others would, and that is all."""
    _by_what_is_there(contract, cell)
    assert contract.components == frozenset()
    assert contract.resources
    assert contract.device_class is None


DONE_BY: dict[str, Callable[[GpuContract, Cell], None]] = {
    "chart": _by_chart,
    "operator": _by_operator,
    "settings": _by_settings,
    "image": _by_what_is_there,
    "cloud": _by_what_is_there,
    "owner": _by_what_is_there,
    "simulated": _by_nobody,
}


def test_every_image_says_everything_of_its_vendors() -> None:
    capacities = {"on_demand", "spot", "reservation", "capacity_block", "flex_start", "queued"}
    nvidia = set(ASKING) - capacities - {"metrics"}
    for image in node_images().values():
        assert capacities == {feature for feature in capacities if image.cell("any", feature)}, image.name
        elsewhere = set[str]() if image.kind in {"gke", "local"} else {OF_GOOGLE}
        assert nvidia == {feature for feature in nvidia if image.cell("nvidia", feature)} | elsewhere, image.name


def test_a_refusal_has_a_reason_and_an_alternative() -> None:
    for image, cell in ALL:
        assert (cell.by == "none") == bool(cell.why) == bool(cell.fix), (image.name, cell)


def test_the_image_follows_from_provisioner_and_pool() -> None:
    assert eks_image("cluster_autoscaler", None).name == "eks/al2023"
    assert eks_image("cluster_autoscaler", "bottlerocket").name == "eks/bottlerocket"
    assert eks_image("karpenter", None).name == "eks/karpenter/al2023"
    assert eks_image("karpenter", "bottlerocket").name == "eks/karpenter/bottlerocket"
    assert eks_image("auto_mode", None).name == "eks/auto_mode"
    assert gke_image("cluster_autoscaler", None).name == "gke/cos"
    assert gke_image("cluster_autoscaler", "ubuntu").name == "gke/ubuntu"
    assert gke_image("node_auto_provisioning", None).name == "gke/node_auto_provisioning"
    assert aks_image("cluster_autoscaler", None).name == "aks/ubuntu"
    assert aks_image("cluster_autoscaler", "azurelinux").name == "aks/azurelinux"
    assert aks_image("node_auto_provisioning", "ubuntu").name == "aks/node_auto_provisioning"


@pytest.mark.parametrize(
    ("image", "named", "said"),
    [
        ("eks/al2023", "cos", "EKS has al2023 and bottlerocket; use al2023 or bottlerocket, or leave it out"),
        (
            "eks/karpenter/al2023",
            "ubuntu",
            "EKS has al2023 and bottlerocket; use al2023 or bottlerocket, or leave it out",
        ),
        ("eks/auto_mode", "al2023", "AWS chooses the system of these nodes; leave it out"),
        ("gke/cos", "al2023", "GKE has cos and ubuntu; use cos or ubuntu, or leave it out"),
        ("gke/node_auto_provisioning", "cos", "GKE chooses the system of these nodes; leave it out"),
        ("aks/ubuntu", "cos", "AKS has ubuntu and azurelinux; use ubuntu or azurelinux, or leave it out"),
        ("aks/node_auto_provisioning", "ubuntu", "AKS chooses the system of these nodes; leave it out"),
        ("existing", "ubuntu", "nodes that exist have their system; leave it out"),
    ],
)
def test_a_system_of_another_cluster_is_refused(image: str, named: str, said: str) -> None:
    place = node_images()[image]
    (problem,) = contract_problems(
        request(place.cloud, "1.35", accelerator="l4" if place.cloud != "azure" else "t4", node_image=named), place
    )
    assert str(problem) == f"node_image: {named!r} cannot be had: {said}"


def test_the_guide_prints_the_matrix() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    printed = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    assert printed == markdown(), "run python -m modelyard.gpu.matrix and put what it prints between the markers"


AXES: dict[str, dict[str, dict[str, Any]]] = {
    "sharing": {name: ASKING[name][0] for name in ("metrics", "mig", "mig_mixed", "time_slicing", "mps")},
    "capacity": {
        name: {**ASKING[name][0], "zones": ["a"]}
        for name in ("on_demand", "spot", "reservation", "capacity_block", "flex_start", "queued")
    },
    "fabric": {name: ASKING[name][0] for name in ("metrics", "rdma")},
    "driver": {name: ASKING[name][0] for name in ("metrics", "driver_image", "driver_operator")},
    "allocation": {name: ASKING[name][0] for name in ("metrics", "dra")},
}


def _expected(image: NodeImage, features: set[str]) -> set[str]:
    """The paths that are refused: what the matrix refuses alone, and the pairs that cannot be together."""
    cells = [image.cell("nvidia", feature) for feature in features]
    refused = {ASKING[cell.feature][1] for cell in cells if cell and cell.by == "none"}
    if features & {"mig", "mig_mixed", "time_slicing", "mps"}:
        refused |= {"device_allocation"} if "dra" in features else set()
        refused |= {"fabric"} if "rdma" in features else set()
        if "driver_operator" in features and image.name in {"existing", "gke/ubuntu"}:
            refused |= {"driver"}
    return refused | _expected_on_aks(features) if image.kind == "aks" else refused | _expected_on_gke(image, features)


def _expected_on_gke(image: NodeImage, features: set[str]) -> set[str]:
    return {"fabric"} if image.kind == "gke" and {"rdma", "queued"} <= features else set()


def _expected_on_aks(features: set[str]) -> set[str]:
    """What cannot be beside a driver of the GPU operator's, which InfiniBand brings too."""
    refused: set[str] = set()
    if features & {"driver_operator", "rdma"}:
        refused |= {"driver"} if features & {"mig", "mig_mixed"} or "driver_image" in features else set()
    return refused


@pytest.mark.parametrize("image", node_images().values(), ids=list(node_images()))
def test_every_combination(image: NodeImage) -> None:
    compiled = 0
    for chosen in itertools.product(*AXES.values()):
        fields = {
            key: value
            for axis, name in zip(AXES.values(), chosen, strict=True)
            for key, value in {**axis[name], **asking(image, name)}.items()
        }
        wanted = request(image.cloud, "1.35", **devices(image, "nvidia"), **fields)
        expected = _expected(image, set(chosen))
        assert {problem.path for problem in contract_problems(wanted, image)} == expected, chosen
        if not expected:
            assert compile_pool(wanted, image), chosen
            compiled += 1
    assert compiled
