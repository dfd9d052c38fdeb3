"""Work that is dealt out: what comes together again is what one process makes, whoever did it and however often."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.core.engine import HERE
from movie_mlops.evaluation import evaluate, user_folds
from movie_mlops.evaluation.config import UserFoldsConfig
from movie_mlops.features import FeedbackConfig, film_content
from movie_mlops.features.engines import LOCAL
from movie_mlops.features.engines.spark import _by_key
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake, LakeConfig, LakeError, pieces
from movie_mlops.recommenders import NAMES, create
from tests.fixtures.stage_2.interactions import did, table
from tests.fixtures.stage_5.models import BY_TORCH, TRAINABLE
from tests.fixtures.stage_8.crowd import crowd, likes
from tests.fixtures.stage_8.elsewhere import Elsewhere, same_arrays

DEALT = ("item-knn", "rp3-beta", "slim", "ease", "edlae", "ials", "blend")
"""The recommenders whose training has parts to deal out."""


def fitted(name: str, engine: object = HERE) -> dict[str, np.ndarray]:
    model = create(name)
    matrix = likes()
    when = np.arange(matrix.nnz, dtype=np.int64) * 86_400
    model.fit(matrix, times=when, engine=engine)
    return model.arrays()


@pytest.mark.parametrize(
    ("name", "workers"), [*((name, 3) for name in DEALT), *(("item-knn", many) for many in (1, 2, 7))]
)
def test_a_model_is_the_same_wherever_its_parts_are_made(name: str, workers: int) -> None:
    """Promise P7: parts that are copied, done twice and in another order give the arrays of one process, byte by byte.

    That holds for the Gram matrix of EASE, EDLAE, SLIM, RP3beta and item-kNN, for the least squares of iALS, and for a
    blend of such models.
    """
    engine = Elsewhere(workers)
    assert same_arrays(fitted(name), fitted(name, engine))
    assert engine.done > workers


def test_few_users_are_dealt_out_too() -> None:
    """Where users are fewer than films another matrix is inverted; its Gram matrix is dealt out the same way."""
    matrix = likes(users=30, films=60)
    ours, theirs, engine = create("edlae"), create("edlae"), Elsewhere()
    ours.fit(matrix)
    theirs.fit(matrix, engine=engine)
    assert same_arrays(ours.arrays(), theirs.arrays())
    assert engine.done


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in NAMES if name not in BY_TORCH),
        # PyTorch takes seconds to import, and what it trained is asked like any other.
        *(pytest.param(name, marks=pytest.mark.long) for name in BY_TORCH if name in TRAINABLE),
    ],
)
def test_users_are_judged_the_same_wherever_they_are_judged(tmp_path: Path, name: str) -> None:
    """Every recommender can be sent to a worker; each user's metrics, and those of all lists, are the same numbers."""
    lake = crowd(tmp_path, rows=900, files=1)
    known = LOCAL.feedback(lake, None, FeedbackConfig()).drop_nulls()
    (case, *_) = user_folds(known, UserFoldsConfig(folds=3, cases=1))
    model = create(name, {"epochs": 1} if name in {"vae", "sasrec"} else None)
    content = film_content(lake.scan(MOVIES).collect(), case.movie_ids).matrix
    model.fit(case.train, times=case.train_times, content=content)
    here = evaluate(model, case)
    engine = Elsewhere()
    config = here.config.__class__(block_scores=200)
    there = evaluate(model, case, config, engine=engine)
    assert engine.done > 3
    assert there.user_ids == here.user_ids
    assert there.lists == pytest.approx(here.lists, abs=0.002)
    for metric, values in here.per_user.items():
        assert abs(values.mean() - there.per_user[metric].mean()) <= 0.002, metric


def test_pieces_are_the_table(tmp_path: Path) -> None:
    """The pieces of a version, large files in several, are its rows in its order, whatever came after it."""
    lake = crowd(tmp_path, rows=403, files=3)
    for version in range(3):
        whole = lake.scan(INTERACTIONS, version=version).collect()
        parts = pieces(lake, INTERACTIONS, version=version, most_rows=50)
        assert len(parts) == 3 * (version + 1)
        assert pl.concat([rows.collect() for rows, _ in parts]).equals(whole)
        assert [rows.collect().height for rows, _ in parts] == [many for _, many in parts]


def test_pieces_of_a_table_from_before_a_column(tmp_path: Path) -> None:
    """A column that came later is unknown in a piece, as it is in the whole table; a list is empty there."""
    lake = Lake(LakeConfig(tmp_path))
    old = pl.DataFrame({"movie_id": [1, 2, 3], "title": ["a", "b", "c"]})
    from deltalake import write_deltalake  # noqa: PLC0415 - as an older version of this program wrote it

    write_deltalake(str(tmp_path / MOVIES), old)
    whole = lake.scan(MOVIES).collect()
    assert whole["genres"].to_list() == [[], [], []]
    assert pl.concat([rows.collect() for rows, _ in pieces(lake, MOVIES, most_rows=2)]).equals(whole)


def test_rows_of_one_key_come_together() -> None:
    """Every row goes to one group, those of one user to the same from every part; the order within is kept."""
    rows = [did(f"u{user}", film, "like", at=film) for film in range(20) for user in range(50)]
    frame = table(rows)
    groups: dict[str, set[int]] = {}
    many = 0
    for part in (frame.slice(0, 400), frame.slice(400, 400), frame.slice(800)):
        for group, own in _by_key("user_id", 7, None, part):
            assert 0 <= group < 7
            many += own.height
            assert own["event_time"].is_sorted()
            for user in own["user_id"].unique():
                groups.setdefault(user, set()).add(group)
    assert many == len(rows)
    assert len(groups) == 50
    assert all(len(found) == 1 for found in groups.values())
    assert len(set.union(*groups.values())) == 7
    # The very numbers: a worker with another processor or another polars must come to the same.
    assert [group for group, _ in _by_key("user_id", 1000, None, frame.filter(pl.col("user_id") == "u7"))] == [435]


@pytest.mark.parametrize("what", ["deletionVectors", "columnMapping", "partitions"])
def test_files_that_do_not_tell_the_rows_are_refused(tmp_path: Path, what: str) -> None:
    """A table of another program with deletion vectors, column mapping or partitions is refused, by both engines."""
    from deltalake import write_deltalake  # noqa: PLC0415 - the other program

    frame = pl.DataFrame({"movie_id": [1, 2], "title": ["a", "b"]})
    write_deltalake(str(tmp_path / "others"), frame, partition_by=["title"] if what == "partitions" else None)
    if what != "partitions":
        log = tmp_path / "others" / "_delta_log" / "00000000000000000000.json"
        lines = log.read_text().splitlines()
        features = f'"readerFeatures":["{what}"],"writerFeatures":["{what}"]'
        protocol = f'{{"protocol":{{"minReaderVersion":3,"minWriterVersion":7,{features}}}}}'
        log.write_text("\n".join(protocol if '"protocol"' in line else line for line in lines) + "\n")
    lake = Lake(LakeConfig(tmp_path))
    for read in (lambda: lake.scan("others"), lambda: pieces(lake, "others")):
        with pytest.raises(LakeError, match=what) as refused:
            read()
        assert "REORG TABLE" in refused.value.next_step
