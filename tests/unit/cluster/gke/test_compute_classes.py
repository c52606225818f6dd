from tests.unit.cluster.gke.foundations import KEY, L4, NODES, SYSTEM, disks, gke_spec, pools_made
from tests.unit.cluster.gke.schemas import compute_class_problems
from tests.unit.cluster.registrations import named

SPEC = gke_spec("node_auto_provisioning", secondary_boot_disks={"l4": disks("data")})


def test_a_compute_class_has_the_pools_name_and_is_of_the_cluster() -> None:
    recorded = pools_made({"system": SYSTEM, "l4": L4}, SPEC, disk_key=KEY)
    found = named(recorded, "ComputeClass", "main-l4")
    assert found.type == "kubernetes:cloud.google.com/v1:ComputeClass"
    assert found.inputs["metadata"]["name"] == "l4"
    assert found.inputs["metadata"]["labels"]["app.kubernetes.io/component"] == "node-pool"
    assert found.provider.startswith(named(recorded, "kubernetes", "kubernetes").urn)


def test_its_nodes_are_as_the_cluster_says() -> None:
    spec = named(pools_made({"system": SYSTEM, "l4": L4}, SPEC, disk_key=KEY), "ComputeClass", "main-l4").inputs["spec"]
    assert spec["nodePoolConfig"]["serviceAccount"] == NODES
    (priority,) = spec["priorities"]
    assert priority["storage"]["bootDiskKMSKey"] == KEY
    assert [each["diskImageName"] for each in priority["storage"]["secondaryBootDisks"]] == ["data"]


def test_what_arrives_is_what_google_knows() -> None:
    # Numbers arrive as floats.
    spec = named(pools_made({"l4": L4}, SPEC), "ComputeClass", "main-l4").inputs["spec"]
    assert compute_class_problems(spec) == []


def test_it_waits_for_what_its_nodes_need() -> None:
    recorded = pools_made({"l4": L4}, SPEC)
    assert named(recorded, "Account", "nodes").urn in named(recorded, "ComputeClass", "main-l4").depends_on
