"""What a view computes over columns, one interaction after the other, and from merged partitions is the same."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core import clock
from movie_mlops.features import (
    USER_FEATURES,
    VIEWS,
    Entity,
    FeatureView,
    FeedbackConfig,
    Film,
    Fold,
    FoldState,
    features_at,
)
from movie_mlops.features.definitions import FILM, USER, USER_AND_FILM
from movie_mlops.features.feedback import KIND_CODES, latest_words
from movie_mlops.features.measures import Source
from movie_mlops.features.words import UNKNOWN_TIME, add, unpack
from tests.fixtures.stage_2.interactions import START
from tests.fixtures.stage_2.worlds import FILMS, FILMS_TABLE, Arrived, arrivals, every_aggregation, world

CONFIG = FeedbackConfig()
# So many small worlds at once: enough for any break, and many more in the long run.
WORLDS = [30, pytest.param(300, marks=pytest.mark.long)]
KINDS = list(KIND_CODES)


def folded(fold: Fold, said: list[Arrived], random: np.random.Generator) -> FoldState:
    """Fold interactions in a random order, cut into partitions that are packed, unpacked and merged."""
    order = [said[place] for place in random.permutation(len(said))]
    cuts = sorted(random.integers(0, len(order) + 1, int(random.integers(0, 4))).tolist())
    states = []
    for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        state = fold.empty()
        for interaction, at in order[start:end]:
            state = fold.put(state, interaction, FILMS[interaction.movie_id], arrived=at)
        states.append(fold.unpack(fold.pack(state)))
    while len(states) > 1:
        other = states.pop(int(random.integers(0, len(states))))
        place = int(random.integers(0, len(states)))
        states[place] = fold.merge(states[place], other)
    return states[0]


def keys(entity: Entity, said: list[Arrived], random: np.random.Generator) -> list[dict[str, str | int]]:
    films = {USER: [None], FILM: list(FILMS), USER_AND_FILM: list(FILMS)}[entity]
    found = {
        tuple({"user_id": arrived.interaction.user_id, "movie_id": film}[name] for name in entity.key_names)
        for arrived in said
        for film in films
    }
    return [dict(zip(entity.key_names, key, strict=True)) for key in sorted(found)]


def same(batch: object, online: object) -> bool:
    if isinstance(batch, float) and isinstance(online, float):
        return batch == pytest.approx(online, rel=1e-9, abs=1e-9)
    return type(batch) is type(online) and batch == online


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("worlds", WORLDS)
@pytest.mark.parametrize(
    "view",
    # What follows everybody has a test of its own: test_2_2_co_watch.py.
    [
        *(view for view in VIEWS if not view.follows_everybody),
        *(every_aggregation(entity) for entity in (USER, FILM, USER_AND_FILM)),
    ],
    ids=lambda view: f"{view.name} of a {view.entity.name}",
)
def test_batch_stream_and_partitions_give_the_same(view: FeatureView, worlds: int, seed: int) -> None:
    """Promise P5: the same interactions in any order and partition give the same features in every form."""
    random = np.random.default_rng(seed)
    said = [arrived for number in range(worlds) for arrived in world(random, f"w{number}")]
    now = max((arrived.at for arrived in said), default=START) + timedelta(hours=int(random.integers(0, 50)))
    rows = keys(view.entity, said, random)
    batch = batch_rows(view, rows, said, now)
    fold, of = Fold(view, CONFIG), view.entity.folds
    states = {
        key: folded(fold, [arrived for arrived in said if getattr(arrived.interaction, of) == key], random)
        for key in {row[of] for row in rows}
    }
    for row, expected in zip(rows, batch, strict=True):
        found = fold.values(states[row[of]], now, FILMS.get(int(row.get("movie_id", 0)), Film()))
        wrong = {name: (expected[name], found[name]) for name in found if not same(expected[name], found[name])}
        assert not wrong, (row, wrong)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32), together=st.booleans())
@pytest.mark.parametrize("worlds", WORLDS)
def test_batch_stream_online_and_the_feedback_matrix_choose_the_same_word(
    worlds: int, seed: int, together: bool
) -> None:
    """Promise P5: of words that are equal in authority, time and arrival the same one counts in every form."""
    random = np.random.default_rng(seed)
    said = [arrived for number in range(worlds) for arrived in world(random, f"w{number}")]
    if together:
        said = [Arrived(interaction, START + timedelta(days=100)) for interaction, _ in said]
    matrix: dict[str, dict[int, tuple]] = {}
    for row in latest_words(arrivals(said), CONFIG).iter_rows(named=True):
        word = (row["kind"], row["value"], row["weight"], row["event_time"])
        matrix.setdefault(row["user_id"], {})[row["movie_id"]] = word
    fold = Fold(USER_FEATURES, CONFIG)
    for user, words in matrix.items():
        mine = [arrived for arrived in said if arrived.interaction.user_id == user]
        state = folded(fold, mine, random)
        stream = {int(pair.split()[0]): seen for pair, (_, seen) in state.words[Source.WORDS].items()}
        assert {film: (s.kind, s.value, s.weight, dated(s.time)) for film, s in stream.items()} == words
        if together:
            order = [mine[place].interaction for place in random.permutation(len(mine))]
            online = unpack(add(None, order, CONFIG, user), user).tolist()
            said_online = {
                film: (KINDS[code], None if np.isnan(value) else value, weight, dated(time))
                for film, time, _, weight, value, code in online
            }
            assert said_online == words


def dated(time: int | None) -> datetime | None:
    return None if time in {None, UNKNOWN_TIME} else clock.from_microseconds(time)


def batch_rows(view: FeatureView, rows: list[dict[str, str | int]], said: list[Arrived], now: datetime) -> list[dict]:
    if not rows:
        return []
    frame = pl.DataFrame(rows).with_columns(pl.lit(now).dt.cast_time_unit("us").alias("at"))
    return features_at(view, frame, arrivals(said), config=CONFIG, films=FILMS_TABLE).to_dicts()
