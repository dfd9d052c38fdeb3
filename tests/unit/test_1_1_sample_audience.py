"""The simulated audience of the sample: the same from the same seed, growing, drifting, learnable."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.ingest.sample import Audience, SampleConfig, SampleSource, read_films, simulate
from movie_mlops.ingest.sample.fame import famous_films, is_famous

SMALL = SampleConfig(users=200, interactions=5_000)
POSITIVE = (pl.col("kind") != "rating") | (pl.col("value") >= 4)


@pytest.fixture(scope="module")
def audience() -> Audience:
    return simulate(read_films())


@pytest.fixture(scope="module")
def rows(audience: Audience) -> pl.DataFrame:
    return audience.interactions


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    """The same seed gives the same audience to the last bit; another seed gives another one."""
    films = read_films()
    first, second = simulate(films, SMALL), simulate(films, SMALL)
    other = simulate(films, SampleConfig(seed=1, users=200, interactions=5_000))
    assert first.interactions.equals(second.interactions)
    assert first.match.tobytes() == second.match.tobytes()
    assert first.popularity.tobytes() == second.popularity.tobytes()
    assert not first.interactions.equals(other.interactions)


def test_interactions_have_the_promised_number_period_and_values(rows: pl.DataFrame):
    """160,000 interactions of 3,000 users lie in the two years before a fixed date, with values that kinds allow."""
    assert (rows.height, rows["user_id"].n_unique()) == (160_000, 3_000)
    assert rows.columns == ["user_id", "movie_id", "kind", "value", "event_time"]
    assert rows["event_time"].is_sorted()
    assert rows["event_time"].min() >= datetime(2023, 7, 2, tzinfo=UTC)
    assert rows["event_time"].max() < datetime(2025, 7, 1, tzinfo=UTC)
    assert rows.select("user_id", "movie_id").is_duplicated().sum() == 0
    ratings = rows.filter(pl.col("kind") == "rating")["value"]
    assert sorted(ratings.unique()) == [half / 2 for half in range(1, 11)]
    assert rows.filter(pl.col("kind") == "watch")["value"].is_between(0, 1).all()
    assert rows.filter(pl.col("kind") == "like")["value"].null_count() == rows.filter(pl.col("kind") == "like").height
    assert set(rows["kind"]) == {"rating", "like", "watch"}
    assert ratings.len() > 0.9 * rows.height


def test_no_film_is_rated_before_its_year(rows: pl.DataFrame):
    """Nobody has seen a film in a year before the film's own."""
    dated = rows.join(read_films().select("movie_id", "year"), on="movie_id")
    assert dated.filter(pl.col("event_time").dt.year() < pl.col("year")).is_empty()
    assert dated.filter(pl.col("year") >= 2024).height > 100


def test_activity_and_popularity_have_long_tails(rows: pl.DataFrame):
    """A tenth of the films takes over a third of the attention, a tenth of the users gives three tenths of it."""
    for column, least in (("movie_id", 0.35), ("user_id", 0.3)):
        counts = rows[column].value_counts(sort=True)["count"]
        assert counts.head(counts.len() // 10).sum() > least * rows.height
        assert counts.max() > 5 * counts.median()
    assert rows["movie_id"].n_unique() > 1_400


def test_famous_films_are_the_first_that_a_visitor_meets(rows: pl.DataFrame):
    """Of the 24 films most liked in the last month, two thirds are known to nearly everybody; the others are news."""
    films = read_films()
    last = rows.filter(POSITIVE, pl.col("event_time") > rows["event_time"].max() - timedelta(days=30))
    famous = films.filter(pl.Series(is_famous(films)))["movie_id"]
    known = set(_most_seen(last, 24)) & set(famous)
    assert 16 <= len(known) < 24
    assert famous.len() < 0.15 * films.height


def test_every_famous_film_is_in_the_catalogue():
    """The list of famous films names each film once, and only films that the catalogue has."""
    listed = famous_films()
    assert len(set(listed)) == len(listed) == is_famous(read_films()).sum()
    assert (1972, "The Godfather") in listed


def test_audience_grows(rows: pl.DataFrame):
    """Each half-year has more people than the one before; the last has over twice as many as the first."""
    half = (pl.col("event_time") - pl.lit(SMALL.start)).dt.total_days() * 4 // SMALL.days
    users = rows.group_by(half.alias("half")).agg(pl.col("user_id").n_unique().alias("users")).sort("half")["users"]
    assert users.len() == 4
    assert users.is_sorted()
    assert users[3] > 2 * users[0]


def test_popularity_drifts(rows: pl.DataFrame):
    """Of the fifty films most seen in the first half-year, a third or more are not so any longer in the last one."""
    first = rows.filter(pl.col("event_time") < pl.col("event_time").min() + timedelta(days=180))
    last = rows.filter(pl.col("event_time") > pl.col("event_time").max() - timedelta(days=180))
    assert len(set(_most_seen(first, 50)) & set(_most_seen(last, 50))) < 35


def test_ratings_follow_the_true_tastes(audience: Audience):
    """Films that fit a user get more stars than films that do not, and the truth says which fit."""
    films = {movie_id: column for column, movie_id in enumerate(audience.movie_ids.tolist())}
    users = {user_id: row for row, user_id in enumerate(audience.user_ids)}
    ratings = audience.interactions.filter(pl.col("kind") == "rating").head(20_000)
    fit = audience.match[
        [users[user_id] for user_id in ratings["user_id"]], [films[movie_id] for movie_id in ratings["movie_id"]]
    ]
    assert np.corrcoef(fit, ratings["value"].to_numpy())[0, 1] > 0.3
    assert audience.true_appeal(0, 50).sum() == pytest.approx(1.0)
    np.testing.assert_allclose(audience.circles.sum(axis=1), 1.0)


def test_personal_models_beat_popularity_and_recent_popularity_beats_all_time(audience: Audience, rows: pl.DataFrame):
    """On the last tenth EASE beats the last month's favourites, and those beat the favourites of all time."""
    cut = rows["event_time"].quantile(0.9)
    past, future = rows.filter(pl.col("event_time") < cut), rows.filter(pl.col("event_time") >= cut)
    recent = past.filter(pl.col("event_time") > cut - timedelta(days=30))
    liked, held_out = _matrix(audience, past.filter(POSITIVE)), _matrix(audience, future.filter(POSITIVE))
    tested = (liked.sum(axis=1) > 0) & (held_out.sum(axis=1) > 0)
    seen = _matrix(audience, past)[tested] > 0
    ease = _ndcg(liked[tested] @ _ease(liked, 100.0), seen, held_out[tested])
    popular = _ndcg(np.tile(liked.sum(axis=0), (tested.sum(), 1)), seen, held_out[tested])
    this_month = _matrix(audience, recent.filter(POSITIVE)).sum(axis=0)
    popular_recent = _ndcg(np.tile(this_month, (tested.sum(), 1)), seen, held_out[tested])
    assert tested.sum() > 500
    assert ease > 1.5 * popular_recent
    assert popular_recent > 1.1 * popular


def test_source_gives_raw_tables_and_says_that_it_is_simulated():
    """The source hands over films and interactions with their names, and says plainly that the audience is made up."""
    source = SampleSource(SMALL)
    source.prepare()
    films, interactions = source.movies(), source.interactions()
    assert source.dataset == "sample"
    assert (films.file, films.frame["line"].head(2).to_list()) == ("catalogue.csv", [2, 3])
    assert interactions.frame.height == 5_000
    assert set(interactions.frame["movie_id"]) <= set(films.frame["movie_id"])
    assert "simulated" in source.provenance


def test_fingerprint_changes_with_every_setting():
    """The fingerprint is the same for the same settings and changes with each of them."""
    end = datetime(2025, 6, 1, tzinfo=UTC)
    configs = [SMALL, *(SampleConfig(**change) for change in ({}, {"seed": 1}, {"days": 365}, {"end": end}))]
    prints = [SampleSource(config).fingerprint() for config in configs]
    assert len(set(prints)) == 5
    assert SampleSource().fingerprint() == SampleSource(SampleConfig()).fingerprint()


def test_the_smallest_audience_can_be_simulated():
    """Two users in five weeks with one interaction each are an audience."""
    rows = simulate(read_films(), SampleConfig(users=2, days=35, interactions=2)).interactions
    assert rows["user_id"].to_list() == ["u00001", "u00002"]
    assert rows.filter(pl.col("kind") == "rating")["value"].is_between(0.5, 5).all()


def test_impossible_settings_are_refused():
    """An audience of nobody, or a period without a time zone, is refused with what to write instead."""
    with pytest.raises(ConfigurationError, match=r"0 users.*at least 2 users"):
        SampleConfig(users=0)
    with pytest.raises(ConfigurationError, match="no time zone"):
        SampleConfig(end=datetime(2025, 7, 1))  # noqa: DTZ001 - the mistake under test


def _most_seen(rows: pl.DataFrame, count: int) -> list[int]:
    return (
        rows["movie_id"].value_counts().sort(["count", "movie_id"], descending=True)["movie_id"].head(count).to_list()
    )


def _matrix(audience: Audience, rows: pl.DataFrame) -> np.ndarray:
    users = {user_id: row for row, user_id in enumerate(audience.user_ids)}
    matrix = np.zeros(audience.match.shape, dtype=np.float32)
    films = np.searchsorted(audience.movie_ids, rows["movie_id"].to_numpy())
    matrix[[users[user_id] for user_id in rows["user_id"]], films] = 1.0
    return matrix


def _ease(matrix: np.ndarray, strength: float) -> np.ndarray:
    inverse = np.linalg.inv(matrix.T @ matrix + strength * np.eye(matrix.shape[1], dtype=np.float32))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def _ndcg(scores: np.ndarray, seen: np.ndarray, held_out: np.ndarray) -> float:
    best = np.argsort(np.where(seen, -np.inf, -0.0 + scores), axis=1)[:, :-11:-1]
    discount = 1 / np.log2(np.arange(10) + 2)
    gain = np.take_along_axis(held_out, best, axis=1) @ discount
    ideal = np.cumsum(discount)[np.minimum(held_out.sum(axis=1), 10).astype(int) - 1]
    return float(np.mean(gain / ideal))
