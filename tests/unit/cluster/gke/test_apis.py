"""APIs: enabled before anything is made through them, and left to the project."""

from tests.unit.cluster.gke.clusters import SPECS, made
from tests.unit.cluster.registrations import names, waits_for

ALWAYS = {"cloudresourcemanager", "compute", "container", "iam", "iamcredentials", "logging", "monitoring", "storage"}


def test_only_what_the_cluster_needs_is_enabled() -> None:
    assert set(names(made("autoscaler"), "Service")) == {*ALWAYS, "containerfilesystem"}
    assert set(names(made("existing"), "Service")) == {*ALWAYS, "containerfilesystem", "file"}
    assert set(names(made("everything"), "Service")) == {*ALWAYS, "file", "cloudkms"}, "without image streaming"


def test_none_is_taken_from_others_of_the_project_when_the_stack_goes() -> None:
    for each in made("everything").of("Service"):
        assert each.inputs["disableOnDestroy"] is False
        assert each.inputs["service"] == f"{each.name.removeprefix('main-')}.googleapis.com"


def test_what_an_api_makes_waits_for_it_and_for_no_other() -> None:
    for variant in SPECS:
        recorded = made(variant)
        for type_, api in (
            ("gcp:compute/network:Network", "compute"),
            ("gcp:serviceaccount/account:Account", "iam"),
            ("gcp:container/cluster:Cluster", "container"),
        ):
            for each in recorded.of(type_):
                before = waits_for(recorded, each)
                assert f"Service {api}" in before, each.urn
                assert not {"Service logging", "Service monitoring", "Service storage", "Service file"} & before
    network = made("autoscaler").one("gcp:compute/network:Network")
    assert "Service container" not in waits_for(made("autoscaler"), network)
