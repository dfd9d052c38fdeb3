"""What every kind of test shares."""

import gc
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from httpx._transports import default as transports

if TYPE_CHECKING:
    from tests.fixtures.stage_3.postgres_server import PostgresServer
    from tests.fixtures.stage_4.command_line import CommandLine

# While thousands of tests are collected nothing becomes rubbish, and each look for it takes longer than the one before.
gc.disable()
# A grammar of addresses that takes seconds to read, whenever a schema of JSON is looked at; none of ours names them.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

REPOSITORY = Path(__file__).resolve().parents[1]
# Those with the longest files first, so that none of these is left when all others are done; and first of all what is
# long by itself, and would hold up its worker at the end while the others have nothing left to do.
LONGEST = (
    "tests/unit/test_1_2_schedules.py",
    "tests/e2e/test_4_x_complete_workflow.py",
    "tests/e2e/test_3_x_complete_workflow.py",
    "tests/unit/test_5_1_recommender_conformance.py",
)
KINDS = ("performance", "e2e", "integration", "security", "unit")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the tests into the order of their kinds, the longest files first."""
    items.sort(key=lambda item: _place(str(item.path.relative_to(REPOSITORY))))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: nobody looks there for rubbish."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """At the very end everything may go, so that libraries do not complain of what is left."""
    gc.unfreeze()


def _place(file: str) -> tuple[int, int]:
    return LONGEST.index(file) if file in LONGEST else len(LONGEST), KINDS.index(file.split("/")[1])


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """Clients that ask this machine need no certificate, and yet each of some hundred reads those of all the world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transports, "create_ssl_context", cache(transports.create_ssl_context))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the project; a test that asks for it is skipped where it is absent."""
    for folder in (REPOSITORY.parent / "shared" / "data", REPOSITORY.parent.parent / "shared" / "data"):
        if folder.is_dir():
            return folder
    pytest.skip("the development data (../shared/data) is not beside this checkout")


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    """A real PostgreSQL for the tests of this process."""
    from tests.fixtures.stage_3.postgres_server import PostgresServer  # noqa: PLC0415 - only where it is asked for

    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty state database: every kind keeps the same promises."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as name:
        yield server.url(name)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> "CommandLine":
    """A home after the main job on the sample, with the network blocked. Never changed: copy it first."""
    # Here, because they ask this module where we are.
    from tests.fixtures.common.made_once import made_once  # noqa: PLC0415
    from tests.fixtures.stage_4.command_line import CommandLine  # noqa: PLC0415

    def make(folder: Path) -> None:
        before = _made_here()
        done = CommandLine(folder, folder / "home", offline=True)("run", "--json")
        assert done.code == 0, done.err
        (folder / "checkout.json").write_text(json.dumps(sorted(_made_here() - before)))
        (folder / "first.json").write_text(done.out)

    folder = made_once(tmp_path_factory, "finished", make)
    return CommandLine(folder, folder / "home")


def _made_here() -> set[str]:
    """Return what lies in the folders of state of this checkout, which may well be somebody's home."""
    kept = (REPOSITORY / name for name in ("data", "models", "experiments", "logs", "reports"))
    # Tests in a browser put their pictures there meanwhile.
    return {str(path) for folder in kept for path in folder.rglob("*") if "screenshots" not in path.parts}
