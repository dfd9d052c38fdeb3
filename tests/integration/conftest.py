"""Servers that integration tests talk to: private, on a free port, stopped at the end."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from pydantic import SecretStr

from movie_mlops.lake import Lake, LakeConfig, S3Config
from tests.fixtures.stage_1.tmdb import TmdbServer, running
from tests.fixtures.stage_1.tmdb_world import World


def start_s3(environment: dict[str, str] | None = None) -> tuple[subprocess.Popen[bytes], str]:
    """Start an S3 server in a process of its own; return it with its address."""
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto is not installed (it is in the dev extra)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, **(environment or {})},  # noqa: TID251 - the server needs this process's path
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urlopen(f"{address}/moto-api/", timeout=5).close()
        except (URLError, ConnectionError, TimeoutError):
            assert server.poll() is None, "the S3 server ended at once"
            time.sleep(0.1)
        else:
            return server, address
    server.kill()
    pytest.fail("the S3 server did not start within a minute")


def make_bucket(address: str, name: str) -> None:
    urlopen(Request(f"{address}/{name}", method="PUT"), timeout=10).close()


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server with the bucket ``lakes``."""
    server, address = start_s3()
    make_bucket(address, "lakes")
    yield address
    stop(server)


def s3_config(address: str) -> S3Config:
    return S3Config(
        endpoint=address,
        access_key_id=SecretStr("AKIA-a-canary"),
        secret_access_key=SecretStr("the-other-canary"),
        timeout_seconds=10,
        retries=1,
    )


# An odd folder is a folder, too.
@pytest.fixture(params=[pytest.param("folder", marks=pytest.mark.long), "odd folder", "s3"])
def lake_config(request: pytest.FixtureRequest, tmp_path: Path) -> LakeConfig:
    """Where an empty lake may be: every storage keeps the same promises."""
    if request.param == "s3":
        prefix = f"s3://lakes/{uuid4().hex}/my lake 데이터"
        return LakeConfig(prefix, s3_config(request.getfixturevalue("s3_server")))
    return LakeConfig(tmp_path / ("lake" if request.param == "folder" else "my lake 데이터 #1 {x} 'y'"))


@pytest.fixture
def lake(lake_config: LakeConfig) -> Lake:
    """An empty lake."""
    return Lake(lake_config)


@pytest.fixture
def server() -> Iterator[TmdbServer]:
    """A stand-in of TMDB's service, on a free port."""
    with running(TmdbServer()) as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, server: TmdbServer, state_url: str) -> Iterator[World]:
    """A data set whose films have links to that service."""
    world = World(tmp_path, server, state_url)
    yield world
    world.database.close()
