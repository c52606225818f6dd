import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from digits.artifact import load
from digits.scoring import SAMPLES
from process import Service, read_reply

IMAGE = [0] * 64


def test_digits_it_has_never_seen_are_recognized(service: Service, artifact: Path):
    reply = service.predict(SAMPLES.read_bytes())
    metrics = load(artifact).metrics
    labels = json.loads(SAMPLES.read_text())["labels"]
    assert reply.status == 200
    assert reply.json["model"] == {"version": metrics.version, "accuracy": metrics.accuracy}
    right = sum(a == b for a, b in zip(reply.json["predictions"], labels, strict=True))
    assert right >= 95
    assert reply.json["accuracy"] == right / 100


def test_without_labels_no_accuracy_is_claimed(service: Service):
    reply = service.predict({"images": [IMAGE, IMAGE]})
    assert set(reply.json) == {"predictions", "model"}
    assert len(reply.json["predictions"]) == 2


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "Invalid JSON"),
        (b"{", 400, "Invalid JSON"),
        (b"\xff\xfe", 400, "Invalid JSON"),
        (b"[" * 100_000, 400, "Invalid JSON"),
        ([], 422, "object"),
        ({}, 422, "images: Field required"),
        ({"images": []}, 422, "images: "),
        ({"image": [IMAGE]}, 422, "image: Extra inputs"),
        ({"images": [IMAGE, IMAGE[1:]]}, 422, "images.1: "),
        ({"images": [[*IMAGE, 0]]}, 422, "images.0: "),
        ({"images": [[17, *IMAGE[1:]]]}, 422, "images.0.0: "),
        ({"images": [[-0.1, *IMAGE[1:]]]}, 422, "images.0.0: "),
        ({"images": [[float("nan"), *IMAGE[1:]]]}, 422, "images.0.0: "),
        ({"images": [[float("inf"), *IMAGE[1:]]]}, 422, "images.0.0: "),
        ({"images": [["1", *IMAGE[1:]]]}, 422, "images.0.0: "),
        ({"images": [[None, *IMAGE[1:]]]}, 422, "images.0.0: "),
        ({"images": [[True] * 64]}, 422, "and 61 more"),
        ({"images": [IMAGE], "labels": [1, 2]}, 422, "2 labels for 1 images"),
        ({"images": [IMAGE], "labels": [10]}, 422, "labels.0: "),
        ({"images": [IMAGE] * 1001}, 422, "1000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_request_is_told_what_is_wrong(service: Service, body: object, status: int, message: str):
    reply = service.predict(body)
    assert (reply.status, list(reply.json)) == (status, ["error"])
    assert message in reply.json["error"]
    assert len(reply.text) < 500


def test_the_largest_batch_is_answered(service: Service):
    assert len(service.predict({"images": [[16] * 64] * 1000}).json["predictions"]) == 1000


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(service: Service):
    connection = service.connect()
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Length", str(1024 * 1024 + 1))
    connection.endheaders()
    reply = read_reply(connection)
    connection.close()
    assert (reply.status, reply.headers["connection"]) == (413, "close")
    assert "send fewer images" in reply.json["error"]


def test_a_body_without_a_length_is_not_read_for_ever(service: Service):
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: digits\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError, match=r"(?i)reset|broken pipe"):  # noqa: PT012 (which send it is depends on buffers)
            for _ in range(1000):
                client.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def test_a_client_that_hangs_up_leaves_no_stack_trace(service: Service):
    counted = 'digits_requests_total{code="400",path="/predict"}'
    before = _metric(service, counted)
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        client.sendall(b'POST /predict HTTP/1.1\r\nHost: digits\r\nContent-Length: 100\r\n\r\n{"images"')
    end = time.monotonic() + 10
    while _metric(service, counted) == before and time.monotonic() < end:
        time.sleep(0.05)
    assert _metric(service, counted) == before + 1
    assert "Traceback" not in service.log.read_text()
    assert service.get("/healthz").status == 200


def test_what_it_does_not_know_is_refused(service: Service):
    assert service.get("/predict").status == 405
    assert service.get("/admin").json == {"error": "Not Found"}


def test_it_says_that_it_lives_and_which_model_it_has(service: Service, artifact: Path):
    assert [service.get(path).status for path in ("/healthz", "/readyz")] == [200, 200]
    assert service.get("/model").json == json.loads((artifact / "metrics.json").read_text())


def _metric(service: Service, name: str) -> float:
    lines = service.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " "))


def test_requests_are_counted_by_path_and_code(service: Service, artifact: Path):
    names = [
        'digits_requests_total{code="200",path="/predict"}',
        'digits_requests_total{code="422",path="/predict"}',
        'digits_requests_total{code="404",path="other"}',
        'digits_request_duration_seconds_count{path="/predict"}',
        'digits_predictions_total{digit="0"}',
    ]
    before = [_metric(service, name) for name in names]
    zero = json.loads(SAMPLES.read_text())["images"][0]
    service.predict({"images": [zero, zero, zero]})
    service.predict({})
    service.get("/one")
    service.get("/two")
    after = [_metric(service, name) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 2, 2, 3]
    assert _metric(service, f'digits_model_info{{version="{load(artifact).metrics.version}"}}') == 1
    assert _metric(service, "process_resident_memory_bytes") > 0


def test_probes_are_answered_while_batches_are_computed(service: Service):
    batches, probes = 10, 0
    with ThreadPoolExecutor(batches) as clients:
        pending = [clients.submit(service.predict, {"images": [[8] * 64] * 1000}) for _ in range(batches)]
        while not all(client.done() for client in pending):
            assert service.get("/healthz").status == 200
            probes += 1
    assert [client.result().status for client in pending] == [200] * batches
    assert probes > 3 * batches, "computed on the event loop, each batch lets about one probe in between"


def test_a_connection_can_be_used_again(service: Service):
    connection: http.client.HTTPConnection = service.connect()
    for _ in range(3):
        connection.request("POST", "/predict", json.dumps({"images": [IMAGE]}))
        assert read_reply(connection).status == 200
        assert connection.sock is not None
    connection.close()
