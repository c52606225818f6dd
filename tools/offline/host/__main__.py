"""Serve the engine: print the port, then run until the engine closes or is gone."""

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.offline.common.protocol import use_protocol_only
from tools.offline.host import lifeline

_MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit for one message."""


def main(engine_address: str) -> None:
    """Serve the engine at `engine_address` on a free port."""
    use_protocol_only("pulumi-language-python")
    import grpc
    from pulumi.runtime.proto import language_pb2_grpc

    from tools.offline.host.runtime import LanguageHost, Refusal

    lifeline.hold_on_to_engine()
    ended = threading.Event()

    def end(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's parameters
        ended.set()

    # With this signal the engine closes its plugins.
    signal.signal(signal.SIGINT, end)
    options = [("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(max_workers=4), interceptors=[Refusal()], options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    ended.wait()
    server.stop(grace=None)


if __name__ == "__main__":
    main(sys.argv[-1])
