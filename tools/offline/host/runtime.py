"""The language runtime service: what the engine asks of the Python language host."""
# ruff: noqa: N802, ARG002 - the protocol names the methods and gives each of them a request and a context

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from tools.offline.host.interpreter import OptionError, environment_of, find_python

_PROGRAM_RUNNER = Path(__file__).with_name("program.py")
_SHOWN = 32
"""The runner's exit code for "the user has seen what is wrong"; see program.py."""
_ANNOUNCEMENT = (
    "modelyard: the Python language host is a stand-in (tools/offline), used because Pulumi's own is not installed"
)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """
    Runs Python programs for the engine, each in a process of its own.

    Of the service it offers what `up`, `preview`, `refresh`, `destroy` and `about` need; `Refusal` does the rest.
    """

    def __init__(self, engine_address: str) -> None:
        """Serve the engine at `engine_address` (`host:port`)."""
        self._engine_address = engine_address

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The SDK's version, as each release of Pulumi's own host has the SDK's."""
        from importlib.metadata import version  # costs every run a tenth of the host's start otherwise

        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """
        No packages.

        The answer tells the engine which plugins to download beforehand. Where this host is used none can be: stand-ins
        are found on PATH when a resource first needs one, and a plugin that is missing is an error then, with its name.
        """
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter that would run the project's program."""
        try:
            python = find_python(Path(request.info.root_directory), _options(request.info))
        except OptionError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        shown = subprocess.run([python, "--version"], check=True, capture_output=True, text=True)
        return language_pb2.AboutResponse(
            executable=str(python),
            version=shown.stdout.removeprefix("Python ").strip(),
            metadata={"host": "tools/offline"},
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program to its end; what it prints goes to the engine through this process's own output."""
        print(_ANNOUNCEMENT, file=sys.stderr, flush=True)
        if request.attach_debugger:
            return language_pb2.RunResponse(error="the offline language host (tools/offline) cannot attach a debugger")
        try:
            python = find_python(Path(request.info.root_directory), _options(request.info))
        except OptionError as error:
            return language_pb2.RunResponse(error=str(error))
        try:
            program = subprocess.Popen(
                # -P: this folder's modules stay off the program's module path.
                [str(python), "-P", str(_PROGRAM_RUNNER), json.dumps(self._arguments(request))],
                env={**environment_of(python, os.environ), **_configuration(request)},
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            return language_pb2.RunResponse(error=f"could not start the program with {python}: {error.strerror}")
        # The engine interrupts, and after 5 s kills, this process's whole group when it cancels: the program, too.
        return _response(program.wait())

    def _arguments(self, request: language_pb2.RunRequest) -> dict[str, Any]:
        return {
            "program": request.info.entry_point,
            "arguments": list(request.args),
            "pwd": request.pwd,
            "root_directory": request.info.root_directory,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
        }


class Refusal(grpc.ServerInterceptor):
    """Answers the calls that `LanguageHost` does not offer, with words for the user."""

    _offered = frozenset(name for name in vars(LanguageHost) if not name.startswith("_"))

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "grpc.RpcMethodHandler[Any, Any] | None"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """The service's own handler, or one that refuses."""
        method = str(handler_call_details.method).rsplit("/", 1)[-1]
        if method in self._offered:
            return continuation(handler_call_details)

        def refuse(_: Any, context: grpc.ServicerContext) -> Any:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"the offline Python language host (tools/offline) cannot do {method}: it only runs programs, in an "
                "environment that exists already; install Pulumi for the rest",
            )

        return grpc.unary_unary_rpc_method_handler(refuse)


def _options(info: language_pb2.ProgramInfo) -> dict[str, object]:
    return MessageToDict(info.options)


def _configuration(request: language_pb2.RunRequest) -> dict[str, str]:
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def _response(exit_code: int) -> language_pb2.RunResponse:
    if exit_code == 0:
        return language_pb2.RunResponse()
    if exit_code == _SHOWN:
        return language_pb2.RunResponse(bail=True)
    if exit_code < 0:
        return language_pb2.RunResponse(error=f"program was ended by signal {signal.Signals(-exit_code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {exit_code}")
