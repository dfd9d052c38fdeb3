"""The feature store from the command line: filled from a lake that no model was trained on, read as it is served."""

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_4.command_line import CommandLine

RATINGS = "userId,movieId,rating,timestamp\nann,1,5,1000000000\nben,1,4,1000000100\nben,2,2,1000000200\n"


@pytest.fixture
def movie_mlops(tmp_path: Path) -> CommandLine:
    """A home with one data set, loaded and nothing else."""
    command = CommandLine(tmp_path, tmp_path / "home")
    (tmp_path / "shop.csv").write_text(RATINGS)
    columns = ("user_id=userId", "movie_id=movieId", "value=rating", "event_time=timestamp")
    given = [word for column in columns for word in ("--column", column)]
    done = command("ingest", "load", "--source", f"file:{tmp_path / 'shop.csv'}", *given)
    assert done.code == 0, done.err
    return command


def test_the_store_is_filled_from_a_lake_without_a_release(movie_mlops: CommandLine) -> None:
    """The only data set is the one that is meant, and features need no model."""
    done = movie_mlops("features", "materialise", "--json")
    assert (done.code, done.document["histories"]) == (0, 2), done.err
    read = movie_mlops("features", "read", "film_features:ratings", "1", "2", "--json")
    assert [row["ratings"] for row in read.document] == [2, 1]


def test_which_of_two_data_sets_is_meant_must_be_said(movie_mlops: CommandLine, tmp_path: Path) -> None:
    """With a second data set, and none that was run, the command asks for a name and offers one."""
    other = tmp_path / "other.csv"
    other.write_text("user_id,movie_id,value\nann,7,5\n")
    assert movie_mlops("ingest", "load", "--source", f"file:{other}").code == 0
    done = movie_mlops("features", "materialise")
    assert done.code == 1
    assert "there are other, shop. Name one, for example --dataset other." in done.err
    assert movie_mlops("features", "materialise", "--dataset", "shop").code == 0


def test_rows_are_read_through_redis_where_there_is_one(movie_mlops: CommandLine, tmp_path: Path) -> None:
    """``features read`` asks the Redis of the settings, set up by the project's own file, with a password."""
    redis = RedisServer(tmp_path / "redis", "secret", REPOSITORY / "docker" / "configs" / "redis.conf")
    try:
        (tmp_path / "user").mkdir(exist_ok=True)
        url = redis.config().url.get_secret_value()
        (tmp_path / "user" / ".env").write_text(f"MOVIE_MLOPS_REDIS_URL={url}\n")
        assert movie_mlops("features", "materialise").code == 0
        done = movie_mlops("features", "read", "film_features:ratings", "1", "--json")
        assert [row["ratings"] for row in done.document] == [2], done.err
        client = redis.client()
        assert len(list(client.scan_iter("*film_features*"))) == 1
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
    finally:
        redis.kill()
