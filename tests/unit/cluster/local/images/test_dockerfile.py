"""What a Dockerfile builds on, and which Python it then has."""

import pytest

from modelyard.cluster.local.images.dockerfile import bases, python_version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM debian:bookworm-slim", ["debian:bookworm-slim"]),
        ("from docker.io/library/python:3.12 AS build\nFROM build\n", ["python:3.12"]),
        ("FROM --platform=linux/amd64 a/b:1 as one\n  FROM c:2\nCOPY --from=one /a /a", ["a/b:1", "c:2"]),
        ("# FROM a:1\nARG BASE=b:1\nFROM ${BASE}\n", ["${BASE}"]),
        ("FROM scratch\n", []),
        ("RUN echo FROM a:1", []),
    ],
)
def test_bases(text: str, expected: list[str]) -> None:
    assert bases(text) == expected


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("FROM python:3.13-slim", "3.13"),
        ("FROM python:3.12 AS build\nFROM registry.example.org/python:3.14.1\n", "3.14"),
        ("FROM debian:bookworm-slim", "3.11"),
        ("FROM acme/notpython:3.9", "3.11"),
    ],
)
def test_python_version(text: str, version: str) -> None:
    assert python_version(text) == version
