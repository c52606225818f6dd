"""The service's HTTP interface."""

import time
from dataclasses import dataclass

import anyio
import anyio.to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digits.artifact import Model
from digits.messages import Answer, Batch, explain
from digits.meters import Meters

MAX_BODY_BYTES = 1024 * 1024
"""The largest batch, 1,000 images, takes about 200 kB without spaces."""


@dataclass(kw_only=True)
class Readiness:
    """Whether new clients should come. Once it drains, requests are still answered, but connections are not kept."""

    draining: bool = False


def make_app(model: Model, readiness: Readiness) -> ASGIApp:
    """The service of one model.

    POST /predict answers a batch, GET /model says which model it is, /healthz answers as long as the process is able
    to, /readyz until it drains, and /metrics is Prometheus'. A wrong request is answered 4xx with
    `{"error": what is wrong}`.
    """
    meters = Meters(model.metrics)
    endpoints = _Endpoints(model, readiness, meters)
    routes = [
        Route("/predict", endpoints.predict, methods=["POST"]),
        Route("/model", endpoints.model),
        Route("/healthz", endpoints.healthz),
        Route("/readyz", endpoints.readyz),
        Route("/metrics", endpoints.metrics),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refuse, ClientDisconnect: _left})
    return _Watched(app, meters, readiness, paths={route.path for route in routes})


class _Endpoints:
    def __init__(self, model: Model, readiness: Readiness, meters: Meters) -> None:
        self._model = model
        self._readiness = readiness
        self._meters = meters
        # One thread computes and the event loop stays free for probes: more would only take turns on one processor.
        self._computing = anyio.CapacityLimiter(1)

    async def predict(self, request: Request) -> Response:
        body = await _read_body(request)
        try:
            answer = await anyio.to_thread.run_sync(self._answer, body, limiter=self._computing)
        except ValidationError as error:
            malformed = error.errors()[0]["type"] == "json_invalid"
            raise HTTPException(400 if malformed else 422, explain(error)) from error
        self._meters.count_predictions(answer.predictions)
        return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")

    def _answer(self, body: bytes) -> Answer:
        return self._model.answer(Batch.model_validate_json(body))

    async def model(self, _request: Request) -> Response:
        return Response(self._model.metrics.model_dump_json(), media_type="application/json")

    async def healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        return PlainTextResponse("draining\n", 503) if self._readiness.draining else PlainTextResponse("ok\n")

    async def metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self._meters.registry), media_type=CONTENT_TYPE_LATEST)


class _Watched:
    """Counts and times every request, and ends connections once the service drains."""

    def __init__(self, app: ASGIApp, meters: Meters, readiness: Readiness, *, paths: set[str]) -> None:
        self._app = app
        self._meters = meters
        self._readiness = readiness
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Clients may invent paths without end, and each label would be a time series of its own.
        path = scope["path"] if scope["path"] in self._paths else "other"
        started = time.perf_counter()
        code = 500

        async def watched_send(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                if self._readiness.draining:
                    MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        finally:
            self._meters.count_request(path, code, time.perf_counter() - started)


async def _read_body(request: Request) -> bytes:
    # A client that says how much it will send is refused before it does, the others as soon as it is too much.
    _check_size(int(request.headers.get("content-length", 0)))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _check_size(len(body))
    return bytes(body)


def _check_size(body_bytes: int) -> None:
    if body_bytes > MAX_BODY_BYTES:
        # The rest is not read, so the connection cannot be used again.
        too_large = f"the body is larger than {MAX_BODY_BYTES} bytes; send fewer images at a time"
        raise HTTPException(413, too_large, headers={"connection": "close"})


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _left(_request: Request, _error: Exception) -> Response:
    """The client hung up in the middle of its request: nobody reads this, but it is counted."""
    return Response(status_code=400)
