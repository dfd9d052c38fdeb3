"""One contract for every feature store: our own, and the real Feast in an environment of its own."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.features import VIEWS, FeatureError, FeedbackConfig, UnknownFeatureError
from movie_mlops.features.backends import Capability, FeatureBackend, OwnBackend
from movie_mlops.features.feast import FeastBackend, FeastConfig, FeastError, RepositoryConfig, exportable
from movie_mlops.features.feast.process import FeastProcess
from movie_mlops.features.online import Cut
from movie_mlops.lake import SCHEMAS, Lake, LakeConfig
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.feast import feast_python
from tests.fixtures.stage_2.interactions import day, did
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_2.worlds import FILMS_TABLE, Arrived, arrivals, world

CONFIG = FeedbackConfig()
SHARED = [f"{view.name}:{name}" for view in exportable(VIEWS) for name in view.names]
"""The features that every backend has: those that change when something happens or a window ends."""


def cut_of(said: list[Arrived]) -> Cut:
    return Cut(arrivals(said), FILMS_TABLE, {"interactions": 1, "movies": 1})


def rows_of(*rows: tuple[str, int, float]) -> pl.DataFrame:
    schema = {"user_id": pl.String, "movie_id": pl.Int64, "at": pl.Datetime("us", "UTC")}
    return pl.DataFrame([(user, film, day(at)) for user, film, at in rows], schema=schema, orient="row")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of this module's Feast."""
    return tmp_path_factory.mktemp("feast") / "repository"


@pytest.fixture(scope="module")
def feast(folder: Path) -> Iterator[FeastBackend]:
    """The one Feast of this module: its imports take seconds. Each test takes what it needs."""
    with FeastBackend(folder, VIEWS, CONFIG, FeastConfig(feast_python())) as backend:
        yield backend


@pytest.fixture(scope="module")
def feast_on_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeastBackend]:
    """The same with Feast's online store in Redis."""
    python = feast_python()
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        address = server.config().url.get_secret_value().removeprefix("redis://").removesuffix("/0")
        config = FeastConfig(python, RepositoryConfig(redis=address))
        with FeastBackend(tmp_path_factory.mktemp("feast") / "repository", VIEWS, CONFIG, config) as backend:
            yield backend
    finally:
        server.kill()


@pytest.fixture
def own(tmp_path: Path) -> OwnBackend:
    return OwnBackend(Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}")), VIEWS, CONFIG)


@pytest.fixture(params=["own", "feast", "feast_on_redis"])
def backend(request: pytest.FixtureRequest) -> FeatureBackend:
    """Each backend in turn: what is tested with it is the contract."""
    found: FeatureBackend = request.getfixturevalue(request.param)
    return found


SAID = [
    Arrived(did("a", 1, "rating", 5.0, at=1), day(1)),
    Arrived(did("a", 2, "like", at=3.000001), day(3.000001)),
    Arrived(did("b", 1, "rating", 2.0, at=2), day(2)),
    Arrived(did("b", 4, "view"), day(2)),
    Arrived(did("c", 3, "click"), day(2.5)),
]


def test_a_row_gets_what_had_happened_by_its_own_time(backend: FeatureBackend) -> None:
    """Rows keep their order and their other columns; somebody whom nobody knew yet has counts of zero and no means."""
    backend.take(cut_of(SAID))
    rows = rows_of(("a", 1, 4), ("a", 1, 0.5), ("b", 2, 2), ("nobody", 9, 4), ("a", 1, 1)).with_columns(
        label=pl.arange(5)
    )
    found = backend.historical(
        [
            "user_features:ratings",
            "user_features:rating_mean",
            "film_features:likes_all",
            "film_features:rating_mean_shrunk",
        ],
        rows,
        arrived="cut",
    )
    assert found.columns[:4] == ["user_id", "movie_id", "at", "label"]
    assert found["label"].to_list() == [0, 1, 2, 3, 4]
    names = found.columns[4:]
    assert names == [
        "user_features__ratings",
        "user_features__rating_mean",
        "film_features__likes_all",
        "film_features__rating_mean_shrunk",
    ]
    shrunk = [(7 + 3.5 * 20) / 22, 3.5, 3.5, 3.5, (5 + 3.5 * 20) / 21]
    assert found.select(names).rows() == [
        (1, 5.0, 1, shrunk[0]),
        (0, None, 0, shrunk[1]),
        (1, 2.0, 0, shrunk[2]),
        (0, None, 0, shrunk[3]),
        (1, 5.0, 1, shrunk[4]),
    ]


def test_a_window_ends_to_the_microsecond(backend: FeatureBackend) -> None:
    """What happened seven days ago is no longer of the last seven days, though nothing happened since."""
    backend.take(cut_of(SAID))
    rows = rows_of(("a", 1, 7.9), ("a", 1, 8), ("a", 1, 10), ("a", 1, 10.000001))
    found = backend.historical(["user_features:interactions_7d"], rows, arrived="cut")
    assert found["user_features__interactions_7d"].to_list() == [2, 1, 1, 0]


def test_what_is_materialised_is_read(backend: FeatureBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys come back in their order; a key that nobody met is unknown; times keep their microseconds."""
    monkeypatch.setattr(clock, "now", lambda: day(5))
    backend.take(cut_of(SAID))
    backend.materialise()
    rows = backend.read_many("user_features:last_time", ["b", "nobody", "a", "c"])
    assert [(row.key, row.condition, row.values) for row in rows] == [
        ("b", "fresh", (day(2),)),
        ("nobody", "unknown", None),
        ("a", "fresh", (day(3.000001),)),
        ("c", "fresh", (None,)),
    ]
    [film] = backend.read_many("film_features:ratings", [1])
    assert (film.to_dict(), film.at, film.written_at) == ({"ratings": 2}, day(3.000001), day(5))


def test_a_row_that_lay_too_long_is_stale(backend: FeatureBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the view's time-to-live a row has no values; materialised again it is fresh."""
    now = [day(5)]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    backend.take(cut_of(SAID))
    backend.materialise()
    now[0] = day(12) + timedelta(microseconds=1)
    [row] = backend.read_many("user_features:ratings", ["a"])
    assert (row.condition, row.values) == ("stale", None)
    backend.materialise()
    [row] = backend.read_many("user_features:ratings", ["a"])
    assert (row.condition, row.values) == ("fresh", (1,))


def test_what_comes_later_is_taken_over(backend: FeatureBackend) -> None:
    """After another cut both the join and the online rows know it."""
    for said, expected in ((SAID[:1], 1), (SAID, 2)):
        backend.take(cut_of(said))
        backend.materialise()
        found = backend.historical(["user_features:interactions"], rows_of(("a", 1, 4)), arrived="cut")
        assert found["user_features__interactions"].to_list() == [expected]
        assert backend.read_many("user_features:interactions", ["a"])[0].values == (expected,)


def test_a_correction_of_the_newest_word_is_served(backend: FeatureBackend) -> None:
    """It happened at the same moment as what it corrects, and arrived later."""
    corrected = Arrived(did("a", 1, "rating", 2.0, at=1, event_id="z"), day(5))
    for said, expected in ((SAID[:1], 5.0), ([SAID[0], corrected], 2.0)):
        backend.take(cut_of(said))
        backend.materialise()
        assert backend.read_many("user_features:rating_mean", ["a"])[0].values == (expected,)


@pytest.mark.parametrize("reference", ["user_feature", "user_features:streak"])
def test_an_unknown_name_is_refused_with_the_nearest(backend: FeatureBackend, reference: str) -> None:
    """The error names what was probably meant."""
    backend.take(cut_of(SAID))
    with pytest.raises(UnknownFeatureError, match=r"Did you mean '(user_features|streak_days)'"):
        backend.historical([reference], rows_of(("a", 1, 4)), arrived="cut")
    with pytest.raises(UnknownFeatureError, match=r"Did you mean '(user_features|streak_days)'"):
        backend.read_many(reference, ["a"])


def test_a_key_or_a_row_of_another_entity_is_refused(backend: FeatureBackend) -> None:
    """A film's number is no user, and rows without users have no features of users."""
    backend.take(cut_of(SAID))
    backend.materialise()
    with pytest.raises(FeatureError, match="is about a user; 7 is none"):
        backend.read_many("user_features:ratings", [7])
    with pytest.raises(FeatureError, match="have no user_id"):
        backend.historical(["user_features:ratings"], rows_of(("a", 1, 4)).drop("user_id"), arrived="cut")


@pytest.mark.parametrize(
    ("capability", "reference", "arrived"),
    [
        (Capability.BITEMPORAL, "user_features:ratings", "row"),
        (Capability.DRIFT, "user_features:days_since_last", "cut"),
        (Capability.PAIRS, "match_features", "cut"),
    ],
)
def test_what_a_backend_cannot_do_it_refuses(
    backend: FeatureBackend, capability: Capability, reference: str, arrived: str
) -> None:
    """A backend answers what it says it can, and refuses the rest: it never answers wrongly."""
    backend.take(cut_of(SAID))

    def ask() -> None:
        backend.historical([reference], rows_of(("a", 1, 4)), arrived=arrived)

    if capability in backend.capabilities:
        ask()
    else:
        with pytest.raises(FeatureError, match=r"Ask the own backend"):
            ask()


@pytest.mark.long
def test_both_backends_give_the_same_values(own: OwnBackend, feast: FeastBackend) -> None:
    """Every shared feature of random worlds, late, undated and corrected words among them, at random times."""
    random = np.random.default_rng(7)
    said = [arrived for number in range(40) for arrived in world(random, f"w{number}")]
    rows = rows_of(
        *(
            (
                f"w{random.integers(0, 40)}-{random.integers(0, 3)}",
                int(random.integers(1, 6)),
                random.integers(-2, 160) / 4,
            )
            for _ in range(2_000)
        )
    )
    # The newest has a time, so that both are as of it.
    said.append(Arrived(did("last", 5, "view", at=20), day(20)))
    for backend in (own, feast):
        backend.take(cut_of(said))
        backend.materialise()
    ours, theirs = (backend.historical(SHARED, rows, arrived="cut") for backend in (own, feast))
    assert ours.columns == theirs.columns
    assert ours.schema == theirs.schema
    assert ours.equals(theirs), _differing(ours, theirs)
    for view, keys in (("user_features", sorted(set(rows["user_id"]))), ("film_features", [1, 2, 3, 4, 5])):
        features = [feature for feature in SHARED if feature.startswith(view)]
        for feature in features[:: 1 if view == "film_features" else 7]:
            one, other = own.read_many(feature, keys), feast.read_many(feature, keys)
            assert [(r.key, r.condition, r.values) for r in one] == [(r.key, r.condition, r.values) for r in other], (
                feature
            )


def _differing(ours: pl.DataFrame, theirs: pl.DataFrame) -> str:
    for name in ours.columns:
        different = ours[name].ne_missing(theirs[name])
        if different.any():
            both = ours.select("user_id", "movie_id", "at", ours=name).with_columns(theirs=theirs[name])
            return f"{name}: {both.filter(different).head(5).rows()}"
    return ""


class TestLateCorrection:
    """A rating of the first day, five stars; on the fifth day comes its correction for the same moment: two stars."""

    SAID = (
        Arrived(did("a", 1, "rating", 5.0, at=1, event_id="first"), day(1)),
        Arrived(did("a", 1, "rating", 2.0, at=1, event_id="corrected"), day(5)),
    )
    ROWS = rows_of(("a", 1, 4), ("a", 1, 6))

    def test_it_does_not_leak_through_our_join(self, own: OwnBackend) -> None:
        """Promise P4: a row of the fourth day sees five stars, as anybody did on the fourth day."""
        own.take(cut_of([*self.SAID]))
        found = own.historical(["user_features:rating_mean"], self.ROWS, arrived="row")
        assert found["user_features__rating_mean"].to_list() == [5.0, 2.0]

    def test_it_leaks_through_a_join_on_event_time_alone(self, feast: FeastBackend) -> None:
        """Feast's join gives the row of the fourth day two stars, which nobody could know then."""
        feast.take(cut_of([*self.SAID]))
        found = feast.joined(["user_features:rating_mean"], self.ROWS)
        assert found["user_features__rating_mean"].to_list() == [2.0, 2.0]

    def test_feasts_switch_needs_every_version_in_the_source(self, feast: FeastBackend, folder: Path) -> None:
        """filter_by_created_timestamp hides the correction; what was known before must still lie in the source.

        A source that keeps both versions of the row answers as ours does. The export keeps the last one.
        """
        feast.take(cut_of([*self.SAID]))
        reference = "user_features:rating_mean"
        forgotten = feast.joined([reference], self.ROWS, only_created=True)
        assert forgotten["user_features__rating_mean"].to_list() == [None, 2.0]
        file = folder / "data" / "user_features.parquet"
        last = pl.read_parquet(file)
        first = last.head(1).with_columns(
            pl.lit(5.0).alias("rating_mean"),
            pl.lit(day(1)).cast(last.schema["created_timestamp"]).alias("created_timestamp"),
        )
        pl.concat([first, last]).write_parquet(file)
        kept = feast.joined([reference], self.ROWS, only_created=True)
        assert kept["user_features__rating_mean"].to_list() == [5.0, 2.0]
        leaked = feast.joined([reference], self.ROWS)
        assert leaked["user_features__rating_mean"].to_list() == [2.0, 2.0]


class TestProcess:
    """Feast's process fails as processes do."""

    def test_a_missing_feast_is_said_with_the_way_to_get_it(self, tmp_path: Path) -> None:
        """The error names the script that makes the environment."""
        with (
            FeastBackend(tmp_path / "r", VIEWS, CONFIG, FeastConfig(tmp_path / "python")) as backend,
            pytest.raises(FeastError, match=r"setup_feast\.sh"),
        ):
            backend.take(cut_of(SAID))

    def test_a_python_without_feast_is_said(self, tmp_path: Path) -> None:
        """The platform's own Python has no Feast: its environments do not go together."""
        with (
            FeastBackend(tmp_path / "r", VIEWS, CONFIG, FeastConfig(Path(sys.executable))) as backend,
            pytest.raises(FeastError, match="No module named 'feast'"),
        ):
            backend.take(cut_of(SAID))

    def test_one_that_takes_too_long_is_ended(self, tmp_path: Path) -> None:
        """The error says how long it had."""
        impatient = FeastConfig(feast_python(), patience_seconds=0.01)
        with (
            FeastBackend(tmp_path / "r", VIEWS, CONFIG, impatient) as backend,
            pytest.raises(FeastError, match=r"ended with -9; it had 0\.01 s"),
        ):
            backend.take(cut_of(SAID))


@pytest.mark.long
def test_what_the_command_exports_feast_takes_as_it_is(tmp_path: Path) -> None:
    """The commands that it prints work as they are, with Feast's own command line; a full folder is refused."""
    lake = Lake(LakeConfig(tmp_path / "data" / "lake").of("mine"))
    lake.append("interactions", arrivals(SAID).collect())
    movies = [(film, f"Film {film}", 1994, ["Comedy"], [], None, None, None, None, [], [], None) for film in (1, 2)]
    lake.append("movies", pl.DataFrame(movies, SCHEMAS["movies"], orient="row"))
    python, folder = feast_python(), tmp_path / "repository"
    words = ["features", "export-feast", str(folder), "--dataset", "mine", "--home", str(tmp_path)]
    done = ended([sys.executable, "-m", "movie_mlops", *words])
    assert "user_features: " in done.stdout
    printed = [line.split() for line in done.stdout.splitlines() if line.startswith("  feast ")]
    assert [command[1] for command in printed] == ["apply", "materialize"]
    for command in printed:
        ended([str(python.with_name("feast")), *command[1:]], folder=folder)
    layout = FeastConfig(python)
    with FeastBackend(folder, VIEWS, CONFIG, layout) as backend, FeastProcess(folder, layout) as process:
        found = process.ask(do="read", features=["user_features:ratings"], keys=[{"user_id": "b"}, {"user_id": "x"}])
        assert found["rows"] == [[1], None]
        assert backend.read_many("user_features", ["b"])[0].condition == "unknown"
    again = subprocess.run([sys.executable, "-m", "movie_mlops", *words], capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert "not an empty folder" in again.stderr


def ended(command: list[str], *, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done
