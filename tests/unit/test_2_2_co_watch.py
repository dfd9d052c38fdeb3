"""How close a film is to a user's likes, against a count by hand: batch, stream and online."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core import clock
from movie_mlops.core.nouns import Kind
from movie_mlops.events import EventLog, recording
from movie_mlops.features import (
    VIEWS,
    Cut,
    DefinitionError,
    Entity,
    Feature,
    FeatureView,
    FeedbackConfig,
    Fold,
    Histories,
    OnlineFeatures,
    Views,
    features_at,
    neighbourhoods,
)
from movie_mlops.features import aggregations as a
from movie_mlops.features.co_watch import Beside, CoWatch, Neighbours
from movie_mlops.features.definitions import USER, USER_AND_FILM
from movie_mlops.features.measures import EVERYTHING, LIKES
from movie_mlops.features.neighbourhoods import _greatest
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2 import oracle
from tests.fixtures.stage_2.interactions import START, day, did, table
from tests.fixtures.stage_2.worlds import DAY, FILMS, FILMS_TABLE, Arrived, arrivals, world

CONFIG = FeedbackConfig()
MODEL = CoWatch(window=2, neighbours=2, shrinkage=1.0, period=3 * DAY // timedelta(microseconds=1))
NAMES = ("nearest", "mean_nearness", "shared_users")
AGGREGATIONS = (a.nearest(LIKES, MODEL), a.mean_nearness(LIKES, MODEL), a.shared_users(LIKES, MODEL))
Near = dict[int, tuple[float, int]]


def view(entity: Entity = USER_AND_FILM, aggregations: Sequence[a.Aggregation] = AGGREGATIONS) -> FeatureView:
    features = [Feature(name, each, "One.") for name, each in zip(NAMES, aggregations, strict=False)]
    return FeatureView("close", 1, entity, "tests", "Closeness.", 3 * DAY, tuple(features))


def start_of(at: datetime) -> datetime:
    return clock.from_unix(0) + (at - clock.from_unix(0)) // (3 * DAY) * 3 * DAY


def last_likes(seen: Sequence[Arrived], user: str) -> list[int]:
    """Return a user's last two likes by hand."""
    likes = [word.interaction for word in oracle.counting(seen) if oracle.positive(word)]
    mine = [(like.event_time or oracle.LONG_AGO, like.movie_id) for like in likes if like.user_id == user]
    return [film for _, film in sorted(mine)[-MODEL.window :]]


def neighbours(seen: Sequence[Arrived], film: int) -> Near:
    """Return the two nearest of a film by hand: nearness, and users of both."""
    baskets = [last_likes(seen, user) for user in {word.interaction.user_id for word in seen}]
    likers = {each: sum(each in basket for basket in baskets) for each in FILMS}
    both = {each: sum(each in basket and film in basket for basket in baskets) for each in FILMS if each != film}
    near = {each: (many / (math.sqrt(likers[each] * likers[film]) + 1), many) for each, many in both.items() if many}
    return dict(sorted(near.items(), key=lambda item: (-round(item[1][0], 12), item[0]))[: MODEL.neighbours])


def closeness(near: Near, likes: Sequence[int], film: int) -> tuple[object, ...]:
    met = [near.get(like, (0.0, 0)) for like in likes if like != film]
    nearest = max((nearness for nearness, _ in met), default=None)
    mean = sum(nearness for nearness, _ in met) / len(met) if met else None
    return nearest, mean, sum(users for _, users in met)


def crowd(random: np.random.Generator, worlds: int = 6) -> list[Arrived]:
    return [arrived for number in range(worlds) for arrived in world(random, f"w{number}")]


def rows_of(rows: list[dict[str, object]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows)
    return frame.with_columns(pl.col(pl.Datetime).dt.cast_time_unit("us"))


def equal(found: Sequence[object], wanted: Sequence[object]) -> bool:
    return list(found) == [None if each is None else pytest.approx(each, rel=1e-9, abs=1e-12) for each in wanted]


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("many", [40, pytest.param(800, marks=pytest.mark.long)])
@pytest.mark.parametrize("knowledge", ["row", "column"])
def test_no_row_knows_the_future_of_anybody(knowledge: str, many: int, seed: int) -> None:
    """Promise P4: closeness is that of a count by hand over what was known, late corrections of others included."""
    random = np.random.default_rng(seed)
    said, by_row = crowd(random), knowledge == "row"
    rows = []
    for _ in range(many):
        at = START + timedelta(hours=int(random.integers(-10, 400)))
        known_at = at if by_row else START + timedelta(days=5 * int(random.integers(0, 4)))
        user, film = f"w{random.integers(0, 6)}-{random.integers(0, 2)}", int(random.integers(1, 5))
        rows.append({"user_id": user, "movie_id": film, "at": at, "known_at": known_at})
    found = features_at(view(), rows_of(rows), arrivals(said), config=CONFIG, knowledge=knowledge)  # type: ignore[arg-type]
    for row, values in zip(rows, found.select(NAMES).rows(), strict=True):
        start, known_at = start_of(row["at"]), row["known_at"]
        others = [word for word in said if oracle.sees(word, start, start if by_row else known_at)]
        likes = last_likes([word for word in said if oracle.sees(word, row["at"], known_at)], row["user_id"])
        assert equal(values, closeness(neighbours(others, row["movie_id"]), likes, row["movie_id"])), row


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**32), cells=st.sampled_from([1, 7, 2**20]))
def test_stream_and_partitions_give_the_batch(seed: int, cells: int) -> None:
    """Promise P5: likes in any order and partition, and neighbourhoods of any block of films, give the same."""
    random = np.random.default_rng(seed)
    said, now = crowd(random), START + timedelta(days=30)
    users = sorted({word.interaction.user_id for word in said})
    if not users:
        return
    frame = rows_of([{"user_id": user, "movie_id": film, "at": now} for user in users for film in FILMS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbourhoods, "_CELLS", cells)
        patch.setattr(neighbourhoods, "_PAIRS", cells)
        batch = iter(features_at(view(), frame, arrivals(said), config=CONFIG).select(NAMES).rows())
    fold = Fold(view(), CONFIG)
    known = [word for word in said if oracle.sees(word, start_of(now), start_of(now))]
    for user in users:
        mine = [word for word in said if word.interaction.user_id == user]
        order = [mine[place] for place in random.permutation(len(mine))]
        cut, states = int(random.integers(0, len(mine) + 1)), []
        for part in (order[:cut], order[cut:]):
            state = fold.empty()
            for interaction, at in part:
                state = fold.put(state, interaction, arrived=at)
            states.append(fold.unpack(fold.pack(state)))
        state = fold.merge(*states)
        for film in FILMS:
            near = sorted((other, many, nearness) for other, (nearness, many) in neighbours(known, film).items())
            beside = Beside(film, Neighbours(*np.array(near).reshape(-1, 3).T))
            assert equal(tuple(fold.values(state, now, beside=beside).values()), next(batch))


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_what_is_served_is_the_batch_of_now(seed: int) -> None:
    """Promise P5: the period's neighbourhoods, materialised, and a history that goes on give the batch of now."""
    random = np.random.default_rng(seed)
    now = day(31.5)
    lake = [*crowd(random, 3), Arrived(did("ann", 1, "like", at=1), day(1))]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: now)
        # The folds do not rely on what the door refuses.
        patch.setattr(recording, "are_sound", lambda *_args, **_options: True)
        database = Database(StateConfig(f"sqlite:///{Path(folder) / 'state.db'}"))
        features = OnlineFeatures(database, Views(view()), CONFIG)
        events = EventLog(database, Histories(database), CONFIG, features=features)
        prepared = features.prepare(Cut(arrivals(lake), FILMS_TABLE, {"interactions": 1}))
        assert prepared is not None
        events.write(prepared)
        users = sorted({word.interaction.user_id for word in lake})
        kinds = random.choice([Kind.LIKE, Kind.DISLIKE], 6)
        new = [
            did(users[int(random.integers(0, len(users)))], int(random.integers(1, 5)), kind, at=31 + number / 100)
            for number, kind in enumerate(kinds)
        ]
        events.append(new)
        everything = [*lake, *(Arrived(each, now) for each in new)]
        keys = [(user, film) for user in users for film in FILMS]
        frame = rows_of([{"user_id": user, "movie_id": film, "at": now} for user, film in keys])
        batch = features_at(view(), frame, arrivals(everything), config=CONFIG, knowledge=None).select(NAMES).rows()
        for row, wanted in zip(features.read_many("close", keys), batch, strict=True):
            assert row.condition == "fresh"
            assert equal(row.values or (), wanted), row
        database.close()


def test_three_people_and_three_films() -> None:
    """Ann and Ben like films 1 and 2; to Cat, who likes 1 and 3, film 2 is near by what the other two like."""
    likes = {"ann": (1, 2), "ben": (1, 2), "cat": (1, 3)}
    said = [did(user, film, "like", at=1) for user, films in likes.items() for film in films]
    row = rows_of([{"user_id": "cat", "movie_id": 2, "at": day(9)}])
    found = features_at(view(), row, table(said), config=CONFIG, knowledge=None).select(NAMES).row(0)
    nearness = 2 / (math.sqrt(3 * 2) + 1)
    assert equal(found, (nearness, nearness / 2, 2))


def test_neighbourhoods_of_another_period_are_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are unknown before the store is made, and stale without values once another period began since."""
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    features = OnlineFeatures(database, VIEWS, CONFIG)
    monkeypatch.setattr(clock, "now", lambda: day(10))
    assert features.read("user_film_co_watch", ("ann", 1)).condition == "unknown"
    events = EventLog(database, Histories(database), CONFIG, features=features)
    prepared = features.prepare(Cut(table([did("ann", 1, "like", at=1)]), FILMS_TABLE, {"interactions": 1}))
    assert prepared is not None
    events.write(prepared)
    assert features.read("user_film_co_watch", ("ann", 2)).to_dict() == dict(zip(NAMES, (0.0, 0.0, 0), strict=True))
    assert features.read("user_film_co_watch:nearest", ("nobody", 1)).condition == "unknown"
    monkeypatch.setattr(clock, "now", lambda: day(17))
    row = features.read("user_film_co_watch", ("ann", 2))
    assert (row.condition, row.values, features.store.counts.of("stale")) == ("stale", None, 1)
    database.close()


@pytest.mark.parametrize(
    ("entity", "aggregations", "message"),
    [
        (USER, [a.nearest(LIKES, MODEL)], "asks for the row's film"),
        (USER_AND_FILM, [a.nearest(LIKES, MODEL), a.count(LIKES)], "about what everybody did"),
        (USER_AND_FILM, [a.nearest(EVERYTHING, MODEL)], "cannot be read off a user's history"),
    ],
)
def test_what_cannot_be_meant_is_refused(entity: Entity, aggregations: list[a.Aggregation], message: str) -> None:
    """Closeness in a view of users, beside other features, or to what a history does not keep is refused at once."""
    with pytest.raises(DefinitionError, match=message):
        view(entity, aggregations)
    with pytest.raises(DefinitionError, match="above 0"):
        replace(MODEL, shrinkage=0.0)


def test_the_nearest_are_the_greatest_and_of_equals_the_first() -> None:
    """For rows with few and with many films that are near at all, with and without equals at the border."""
    rng = np.random.default_rng(4)
    values = rng.integers(0, 5, (60, 30)) * (rng.random((60, 1)) < rng.random((60, 30))) / 4
    for many in (1, 5, 29, 30, 40):
        expected = np.zeros(values.shape, np.bool_)
        for row, value in enumerate(values):
            best = np.argsort(-value, kind="stable")[:many]
            expected[row, best[value[best] > 0]] = True
        np.testing.assert_array_equal(_greatest(values, many), expected)
