"""The tables agree with each other."""

from modelyard.gpu.accelerators import ACCELERATORS
from modelyard.gpu.machine_types import machine_types, sizes, smallest


def test_every_machine_has_a_known_accelerator_or_none() -> None:
    for machine in machine_types().values():
        assert (machine.accelerator is None) == (machine.gpus == 0), machine.name
        assert machine.accelerator is None or machine.accelerator in ACCELERATORS, machine.name
        assert machine.vcpus > 0, machine.name
        assert machine.memory_gib > 0, machine.name
        assert machine.architecture in {"amd64", "arm64"}, machine.name


def test_the_smallest_machine_has_exactly_the_devices() -> None:
    machine = smallest("l4", 4)
    assert machine
    assert (machine.accelerator, machine.gpus) == ("l4", 4)
    others = [each for each in machine_types().values() if (each.accelerator, each.gpus) == ("l4", 4)]
    assert machine.vcpus == min(each.vcpus for each in others)
    assert smallest("l4", 3) is None


def test_sizes_are_ascending_and_whole() -> None:
    assert sizes("l4") == [1, 2, 4, 8]
    assert sizes("no-such") == []
