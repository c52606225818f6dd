"""`python -m digits train|serve|score`.

Exit codes: 0, done; 1, a folder, a model or an address cannot be used, which may pass; 2, wrong arguments or input;
3, the trained model is not good enough. After 2 and 3 another try ends the same way.
"""

import argparse
import contextlib
import logging
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from digits.parameters import Kernel, Parameters

EXIT_UNUSABLE = 1
EXIT_WRONG_INPUT = 2
EXIT_NOT_GOOD_ENOUGH = 3

# scikit-learn takes a second to import: each command loads what it needs, and a mistyped one is told so at once.


def _train(arguments: argparse.Namespace) -> int:
    from digits.artifact import ArtifactError
    from digits.training import NotGoodEnoughError, train

    parameters = Parameters(kernel=arguments.kernel, c=arguments.c)
    try:
        metrics = train(arguments.artifact, parameters, min_accuracy=arguments.min_accuracy)
    except (NotGoodEnoughError, ArtifactError) as error:
        _leave_message(arguments.termination_log, str(error))
        return _fail(EXIT_NOT_GOOD_ENOUGH if isinstance(error, NotGoodEnoughError) else EXIT_UNUSABLE, error)
    _leave_message(arguments.termination_log, f"accuracy {metrics.accuracy:.4f}, version {metrics.version}")
    print(metrics.model_dump_json())
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from digits.artifact import ArtifactError, load
    from digits.server import serve

    try:
        model = load(arguments.model)
        serve(model, host=arguments.host, port=arguments.port, drain_seconds=arguments.drain_seconds)
    except (ArtifactError, OSError) as error:
        return _fail(EXIT_UNUSABLE, error)
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from digits.artifact import ArtifactError, load
    from digits.scoring import SAMPLES, InputError, score

    try:
        summary = score(load(arguments.model), arguments.input or SAMPLES, arguments.output)
    except InputError as error:
        return _fail(EXIT_WRONG_INPUT, error)
    except (ArtifactError, OSError) as error:
        return _fail(EXIT_UNUSABLE, error)
    print(summary.model_dump_json(), file=sys.stderr)
    return 0


def _fail(code: int, error: Exception) -> int:
    print(f"digits: {error}", file=sys.stderr)
    return code


def _leave_message(termination_log: Path, message: str) -> None:
    """Write what Kubernetes then shows as the message of the ended container. Outside a pod there is no such file.

    https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
    """
    # "r+" never makes the file, which by hand would leave one in /dev.
    with contextlib.suppress(OSError), termination_log.open("r+", encoding="utf-8") as file:
        file.truncate()
        file.write(message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="digits", description="Recognize handwritten digits.")
    commands = parser.add_subparsers(required=True, metavar="train|serve|score")
    _add_train_options(commands.add_parser("train", help="train a model and write it to a folder"))
    _add_serve_options(commands.add_parser("serve", help="answer requests over HTTP"))
    _add_score_options(commands.add_parser("score", help="write a model's predictions for a file"))
    return parser


def _add_train_options(train: argparse.ArgumentParser) -> None:
    _add_folder(train, "--artifact", "ARTIFACT_PATH", "folder that the model is written to")
    default = "default: %(default)s"
    train.add_argument("--kernel", choices=get_args(Kernel), default=Parameters.kernel, help=default)
    train.add_argument("--c", type=_positive, default=Parameters.c, help=f"the smaller, the simpler; {default}")
    train.add_argument("--min-accuracy", type=_share, default=0.9, help=f"a worse model is refused; {default}")
    train.add_argument("--termination-log", type=Path, default=Path("/dev/termination-log"), help=default)
    train.set_defaults(run=_train)


def _add_serve_options(serve: argparse.ArgumentParser) -> None:
    _add_folder(serve, "--model", "MODEL_PATH", "folder that a model was trained into")
    address, port = os.environ.get("BIND_ADDRESS", "127.0.0.1"), os.environ.get("PORT", "8080")
    serve.add_argument("--host", default=address, help="default: BIND_ADDRESS, or 127.0.0.1")
    serve.add_argument("--port", type=_port, default=port, help="default: PORT, or 8080")
    serve.add_argument(
        "--drain-seconds",
        type=_seconds,
        default=os.environ.get("DRAIN_SECONDS", "5"),
        help="from SIGTERM to the end of listening, for load balancers to notice; default: DRAIN_SECONDS, or 5",
    )
    serve.set_defaults(run=_serve)


def _add_score_options(score: argparse.ArgumentParser) -> None:
    _add_folder(score, "--model", "MODEL_PATH", "folder that a model was trained into")
    score.add_argument("--input", type=Path, help="batches, one JSON object a line; default: the samples beside it")
    artifact = os.environ.get("ARTIFACT_PATH")
    output = Path(artifact) / "predictions.jsonl" if artifact else None
    where = "default: predictions.jsonl in ARTIFACT_PATH, or standard output"
    score.add_argument("--output", type=Path, default=output, help=where)
    score.set_defaults(run=_score)


def _add_folder(parser: argparse.ArgumentParser, flag: str, variable: str, what: str) -> None:
    value = os.environ.get(variable)
    parser.add_argument(
        flag, type=Path, default=Path(value) if value else None, required=not value, help=f"{what}; default: {variable}"
    )


def _number(text: str, lowest: float, highest: float, what: str) -> float:
    with contextlib.suppress(ValueError):
        if lowest <= (value := float(text)) <= highest:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not {what}")


def _positive(text: str) -> float:
    return _number(text, math.ulp(0.0), sys.float_info.max, "a number above 0")


def _share(text: str) -> float:
    return _number(text, 0, 1, "a number from 0 to 1")


def _seconds(text: str) -> float:
    return _number(text, 0, 3600, "a number of seconds from 0 to 3600")


def _port(text: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= (value := int(text)) <= 65535:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default the process's own, and return its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parsed = _parser().parse_args(arguments)
    code: int = parsed.run(parsed)
    return code


if __name__ == "__main__":
    sys.exit(main())
