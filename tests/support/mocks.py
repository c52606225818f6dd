"""The one harness of unit tests: run a Pulumi program against a recording engine, and look at what it registered.

What it proves: what a program registers, with which inputs, parents and providers. What it does not: that an API
server accepts it (the engine tests' part). Every run has a context, an event loop and a thread of its own, because
Pulumi keeps its root stack in a context variable and a loop that outlives a test makes the next one hang.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_pulumi_func

from modelyard.errors import ConfigError
from tests.support import aws, azure, gcp

PROJECT, STACK = "project", "test"
AUTO_NAME_SUFFIX = "-0a1b2c3d"
"""What the recording engine appends to an object without `metadata.name`, as the provider does at random."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the engine gets it. Whole numbers arrive as floats: `3.0 == 3`."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    """Top-level inputs that hold a secret."""
    parent: str
    """The parent's URN."""
    provider: str
    """The provider's URN and id."""
    depends_on: frozenset[str]
    """URNs that it waits for."""
    timeouts: Mapping[str, str]
    """Custom timeouts by operation: `{"create": "900s"}`."""
    ignore_changes: Sequence[str]
    """Inputs whose changes are left alone."""
    protected: bool
    """Whether Pulumi refuses to delete it."""
    replacement_trigger: Any
    """What replaces it where it changes; None where nothing but its provider decides."""
    deleted_first: bool | None
    """Whether a replacement deletes the old one before it makes the new one; None where its provider decides."""
    ends_with: str
    """The URN of what it ends with, without a call of its own; empty for none."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a program did."""

    registrations: list[Registration] = field(default_factory=list[Registration])
    component_outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    """What components registered as outputs, by URN."""
    messages: list[str] = field(default_factory=list[str])
    """What the program told the engine to show."""

    def of(self, type_: str) -> list[Registration]:
        """Registrations of a type, by the last part of its token: `Deployment`, `kubernetes:apps/v1:Deployment`."""
        return [each for each in self.registrations if each.type == type_ or each.type.endswith(f":{type_}")]

    def one(self, type_: str) -> Registration:
        """The only registration of that type."""
        found = self.of(type_)
        assert len(found) == 1, f"{len(found)} of {type_}, not 1: {[each.urn for each in found]}"
        return found[0]

    def charts(self) -> dict[str, tuple[str, str, str]]:
        """Namespace, place and version of each chart, by the name of its release."""
        releases = [each.inputs for each in self.of("Release")]
        return {each["name"]: (each["namespace"], each["chart"], each["version"]) for each in releases}

    def under(self, component: str) -> list[Registration]:
        """Registrations of a component's type and everything below it."""
        return [each for each in self.registrations if component in each.urn.split("::")[2].split("$")]


def run(
    program: Callable[[], object],
    *,
    config: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    preview: bool = False,
) -> Recorded:
    """Run a program, as `pulumi up` does, or as `pulumi preview`.

    Args:
        program: makes resources; what it raises is raised here.
        config: the stack's configuration by full key, `modelyard:KEY`.
        secrets: likewise, those that were set with `--secret`.
        preview: outputs that the program did not give itself are unknown.
    """
    recorded = Recorded()
    _run(program, recorded, config or {}, secrets or {}, preview)
    return recorded


def refused(
    program: Callable[[], object],
    component: str,
    *,
    config: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> ConfigError:
    """The error with which a program is refused, after making sure that nothing of the component was registered."""
    recorded = Recorded()
    with pytest.raises(ConfigError) as caught:
        _run(program, recorded, config or {}, secrets or {}, preview=True)
    registered = [each.urn for each in recorded.under(component)]
    assert not registered, f"refused, but registered {registered}"
    return caught.value


def value_of(output: pulumi.Output[Any], into: list[Any]) -> None:
    """Put an output's value into a list once it is known; read the list after `run`."""
    output.apply(into.append)


def _run(
    program: Callable[[], object],
    recorded: Recorded,
    config: Mapping[str, str],
    secrets: Mapping[str, str],
    preview: bool,
) -> None:
    # Mocks deserialize on the thread that stands for the engine, and look for a loop there.
    loops: list[asyncio.AbstractEventLoop] = []

    def prepare_thread() -> None:
        loops.append(asyncio.new_event_loop())
        loops[-1].set_exception_handler(_ignore)
        asyncio.set_event_loop(loops[-1])

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_ignore)
        loop.set_default_executor(ThreadPoolExecutor(1, initializer=prepare_thread))
        # All contexts share one set; what a run that failed left in it belongs to a loop that is closed.
        settings.SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        pulumi.runtime.set_all_config({**config, **secrets}, list(secrets))
        monitor = _RecordingMonitor(recorded)
        logger = logging.Logger("engine", logging.INFO)  # noqa: LOG001  # of this run only
        logger.addHandler(_MessageHandler(recorded))
        mocks.set_mocks(monitor.mocks, project=PROJECT, stack=STACK, preview=preview, monitor=monitor, logger=logger)

        def call() -> None:
            program()

        await run_pulumi_func(call)

    def start() -> None:
        with asyncio.Runner() as runner:
            runner.run(main())

    try:
        # Pulumi tells the engine each resource's whole stack, of which the test runner's part is the longest.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(start).result()
    finally:
        for loop in loops:
            loop.close()


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Futures that hold the error which the run has raised already would report it once more when they are collected,
    in the middle of some later test."""


class _MessageHandler(logging.Handler):
    def __init__(self, recorded: Recorded) -> None:
        super().__init__()
        self._recorded = recorded

    def emit(self, record: logging.LogRecord) -> None:
        self._recorded.messages.append(record.getMessage())


class _Mocks(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == azure.LIST_CREDENTIALS:
            return azure.credentials(), []
        raise AssertionError(f"{args.token} was invoked: components look nothing up")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        state: dict[str, Any] = dict(args.inputs)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if not args.custom:
            return None, state
        if args.typ.startswith("kubernetes:"):
            metadata: dict[str, Any] = rpc.unwrap_rpc_secret(state.get("metadata")) or {}
            state["metadata"] = {"name": f"{args.name}{AUTO_NAME_SUFFIX}", **metadata}
        elif args.typ.startswith("aws:"):
            state = aws.outputs(args.typ, args.name, state)
        elif args.typ.startswith("gcp:"):
            state = gcp.outputs(args.typ, args.name, state)
        elif args.typ.startswith("azure-native:"):
            # A preview knows neither, and what depends on them is to notice.
            if pulumi.runtime.is_dry_run():
                return None, azure.previewed(state)
            return azure.resource_id(args.typ, args.name, state), azure.outputs(args.typ, args.name, state)
        return f"{args.name}-id", state


class _RecordingMonitor(mocks.MockMonitor):
    """Records every registration and refuses two with one URN, which Pulumi's own mocks let pass."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(_Mocks())
        self._recorded = recorded

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: with the types of all ancestors but the root stack."""
        ancestors = parent.split("::")[2] if parent else ""
        chain = f"{ancestors}${type_}" if ancestors and ancestors != "pulumi:pulumi:Stack" else type_
        return f"urn:pulumi:{STACK}::{PROJECT}::{chain}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # gRPC's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.resources:
            raise AssertionError(f"two resources have the URN {urn}")
        response = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        if request.type != "pulumi:pulumi:Stack":
            self._recorded.registrations.append(_registration(request, urn))
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  # gRPC's name
        self._recorded.component_outputs[request.urn] = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType]


def _registration(request: Any, urn: str) -> Registration:
    inputs: dict[str, Any] = rpc.deserialize_properties(request.object)
    timeouts = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")}
    return Registration(
        urn=urn,
        type=request.type,
        name=request.name,
        inputs={key: rpc.unwrap_rpc_secret(value) for key, value in inputs.items()},
        secrets=frozenset(key for key, value in inputs.items() if rpc.is_rpc_secret(value)),
        parent=request.parent,
        provider=request.provider,
        depends_on=frozenset(request.dependencies),
        timeouts={name: value for name, value in timeouts.items() if value},
        ignore_changes=list(request.ignoreChanges),
        protected=request.protect,
        replacement_trigger=(
            rpc.deserialize_property(request.replacement_trigger) if request.HasField("replacement_trigger") else None
        ),
        deleted_first=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ends_with=request.deletedWith,
    )
