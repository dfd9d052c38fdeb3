"""What every kind of test shares."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fixtures.stage_3.postgres_server import PostgresServer
    from tests.fixtures.stage_4.command_line import CommandLine

REPOSITORY = Path(__file__).resolve().parents[1]


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
    from tests.fixtures.stage_4.command_line import CommandLine  # noqa: PLC0415 - it asks this module where we are

    folder = tmp_path_factory.mktemp("finished")
    command = CommandLine(folder, folder / "home", offline=True)
    before = _made_here()
    done = command("run", "--json")
    assert done.code == 0, done.err
    (folder / "checkout.json").write_text(json.dumps(sorted(_made_here() - before)))
    (folder / "first.json").write_text(done.out)
    return command


def _made_here() -> set[str]:
    """Return what lies in the folders of state of this checkout, which may well be somebody's home."""
    kept = (REPOSITORY / name for name in ("data", "models", "experiments", "logs", "reports"))
    return {str(path) for folder in kept for path in folder.rglob("*")}
