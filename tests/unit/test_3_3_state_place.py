"""Where the state is: an address, a schema for each data set, and a password that nobody sees."""

import sys
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from movie_mlops.cli import door
from movie_mlops.core.nouns import Workspace
from movie_mlops.settings import read_settings
from movie_mlops.state import Database, StateConfig, StateError

CANARY = "a-canary"
NOBODY = f"postgresql://ann:{CANARY}@127.0.0.1:1/movies?connect_timeout=2&sslpassword={CANARY}"


@pytest.mark.parametrize(
    ("dataset", "schema"),
    [
        ("sample", "movie_mlops_sample"),
        ("ml_1m", "movie_mlops_ml_1m"),
        ("ml-1m", "movie_mlops_ml_1m__5c443add6f64"),
        ("ML-1M", "movie_mlops_ml_1m__3f9ba2124f08"),
        ("ml__1m", "movie_mlops_ml_1m__e20ad2d331d9"),
        ('x"; DROP SCHEMA public', "movie_mlops_x_drop_schema_public__d461c661d89a"),
        ("영화", "movie_mlops___1f0a9d32bbf4"),
        ("a" * 80, f"movie_mlops_{'a' * 35}__0f45e858fbc4"),
    ],
)
def test_each_data_set_has_a_schema_of_its_own(dataset: str, schema: str) -> None:
    """A data set's schema needs no quotes, is no other data set's, and is short enough that no server cuts it."""
    config = StateConfig.of(Workspace(Path("home"), dataset), SecretStr(NOBODY))
    assert config.schema == schema
    assert len(config.schema) < 63


@pytest.mark.parametrize("server", [None, SecretStr("")])
def test_without_a_server_the_state_is_a_file(server: SecretStr | None) -> None:
    """No address, or an empty line of ``.env``, means the data set's own SQLite file."""
    config = StateConfig.of(Workspace(Path("home"), "sample"), server)
    assert config.address().render_as_string() == "sqlite:///home/data/state/sample.db"


@pytest.mark.parametrize(
    "address",
    [
        f"mysql://ann:{CANARY}@localhost/movies",
        f"postgresql://ann:{CANARY}@localhost:{CANARY}/movies",
        f"{CANARY}",
        f"sqlite:///{CANARY}.db",
    ],
)
def test_another_address_is_refused_and_not_repeated(address: str) -> None:
    """What is no address of PostgreSQL is refused with the way to write one, and no part of it is in the words."""
    with pytest.raises(StateError, match="postgresql://user:password@host:5432/database") as refused:
        StateConfig.of(Workspace(Path("home"), "sample"), SecretStr(address))
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_no_words_hold_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Settings, configuration and the error of a server that is away show where it is, and never its password."""
    pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_STATE_URL", NOBODY)
    settings = read_settings()
    config = StateConfig.of(Workspace(tmp_path, "sample"), settings.state_url)
    with pytest.raises(StateError) as refused:
        door.database(Workspace(tmp_path, "sample"))
    assert "ann:***@127.0.0.1:1/movies" in refused.value.problem
    assert "(schema movie_mlops_sample)" in refused.value.problem
    assert "Check that PostgreSQL runs" in refused.value.next_step
    told = "".join(traceback.format_exception(refused.value))
    shown = f"{settings!r} {settings.model_dump_json()} {config!r} {told} {caplog.text}"
    assert CANARY not in shown


def test_a_missing_driver_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional driver the error names what to install; SQLite needs none."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "movie_mlops.state.postgres", raising=False)
    with pytest.raises(StateError, match=r"pip install 'movie-mlops\[postgres\]'"):
        Database(StateConfig(NOBODY))
    Database(StateConfig("sqlite://")).close()
