"""Batch scoring: the best films of every user, by the model that serves, into the lake and, where wanted, a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import EVENT_TIME, KIND, MOVIE_ID, SOURCE, USER_ID, WEIGHT
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation.case import Scorer
from movie_mlops.features.feedback import CONSUMED
from movie_mlops.flows.errors import FlowError, NothingReleasedError
from movie_mlops.flows.likes_features import informed
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.serve import read_catalogue
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake
from movie_mlops.recommenders import NO_ITEM, top_k
from movie_mlops.release import Bundle, read_bundle
from movie_mlops.serving import Batch, Rules, ServingModel, Source

RECOMMENDATIONS: Final = "recommendations"
"""The table: each user's films, the best first, as the API answers them without any wish."""
RANK: Final = "rank"
SCORE: Final = "score"
"""The columns of that table beside the user, the film, and where the list comes from."""

_ITEM: Final = "item"
_SCHEMA: Final = pl.Schema(
    {USER_ID: pl.String(), RANK: pl.Int32(), MOVIE_ID: pl.Int64(), SCORE: pl.Float32(), SOURCE: pl.String()}
)


@dataclass(frozen=True)
class Scored:
    """What batch scoring made.

    Attributes:
        bundle: The bundle of the model that scored.
        version: The version of the table of recommendations.
        users: How many users it has: everybody in the lake.
        personal: How many of them have a list of their own; the others have liked nothing that the model knows, and
            their list is what is popular.
        rows: How many recommendations it has.
        skipped: Whether it was there already.
        parquet: The file that it was written to as well.
    """

    bundle: str
    version: int
    users: int
    personal: int
    rows: int
    skipped: bool
    parquet: str | None = None


def score(
    platform: Platform,
    *,
    k: int = 10,
    rules: Rules | None = None,
    parquet: Path | None = None,
    progress: Progress = SILENT,
) -> Scored:
    """Put the ``k`` best films of every user into the lake, in one commit, unless the same are there.

    Args:
        platform: The stores.
        k: Films for each user at most.
        rules: What the house wants of every list.
        parquet: A file to write them to as well, replaced whole.
        progress: Told of each user.

    Raises:
        NothingReleasedError: No model serves.
        FlowError: The lake is empty.
    """
    champion, lake = platform.ledger.champion(), platform.lake
    if champion is None:
        raise NothingReleasedError(
            f"Nothing of {platform.workspace.dataset} is released yet.", next_step="Run 'movie-mlops run' first."
        )
    read = {table: lake.version(table) for table in (INTERACTIONS, MOVIES)}
    if None in read.values():
        raise FlowError("The lake has no interactions and films yet.", next_step="Run 'movie-mlops run' first.")
    # The commit says what it was made of: that is also how the next call knows that it has nothing to do.
    note = {"bundle": champion.bundle_id, "k": str(k), **{table: str(version) for table, version in read.items()}}
    note["rules"] = sha256((rules or Rules()).model_dump_json().encode()).hexdigest()[:16]
    there = lake.version(RECOMMENDATIONS)
    skipped = there is not None and lake.commit(RECOMMENDATIONS, there).note == note
    if there is None or not skipped:
        bundle = read_bundle(platform.workspace.models / champion.bundle_id, trust=platform.keys.trust)
        catalogue = read_catalogue(lake, platform.config)
        words = platform.engine.words(lake, read[INTERACTIONS], platform.config.feedback)
        batch = Batch(catalogue, ServingModel.of(champion, bundle, catalogue), k, rules, _scorer(bundle, words, lake))
        block = max(1, platform.config.evaluation.block_scores // bundle.movie_ids.size)
        with progress.task("Scoring", words[USER_ID].n_unique(), "users") as advance:
            best = []
            for users, frame in platform.engine.each(_best, batch, _parts(words, block)):
                best.append(frame)
                advance(users)
        there = lake.overwrite(RECOMMENDATIONS, pl.concat(best), note=note)
    rows = lake.scan(RECOMMENDATIONS, version=there)
    if parquet is not None:
        _write(rows, parquet)
    own = pl.col(USER_ID).filter(pl.col(SOURCE) == Source.PERSONALISED.value).n_unique()
    made: dict[str, int] = (
        rows.select(users=pl.col(USER_ID).n_unique(), personal=own, rows=pl.len()).collect().row(0, named=True)
    )
    return Scored(
        bundle=champion.bundle_id,
        version=there,
        skipped=skipped,
        parquet=None if parquet is None else str(parquet),
        **made,
    )


def _scorer(bundle: Bundle, words: pl.DataFrame, lake: Lake) -> Scorer:
    """Return the bundle's model as it answers, with features of the films as they are now where it reads any."""
    model = bundle.recommender
    if not model.store_features:
        return model
    items = pl.DataFrame({MOVIE_ID: bundle.movie_ids, _ITEM: np.arange(bundle.movie_ids.size, dtype=np.int32)})
    liked = words.with_columns(pl.col(USER_ID).rle_id().alias("row")).filter(pl.col(WEIGHT) > 0)
    said = liked.join(items, on=MOVIE_ID, how="inner").sort("row", _ITEM)
    likes = _matrix(said, words[USER_ID].n_unique(), bundle.movie_ids.size)
    stamps = said[EVENT_TIME].dt.epoch("s").fill_null(-1).to_numpy().astype(np.int64)
    return informed(model, likes, stamps, bundle.movie_ids, lake.scan(MOVIES).collect())


def _parts(words: pl.DataFrame, block: int) -> Iterator[pl.DataFrame]:
    """Yield the words of some users after the other; they are sorted by user."""
    lengths = words[USER_ID].rle().struct.field("len").to_numpy().astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    for start in range(0, len(lengths), block):
        first, end = int(ends[start]), int(ends[min(start + block, len(lengths))])
        yield words[first:end]


def _best(batch: Batch, words: pl.DataFrame) -> tuple[int, pl.DataFrame]:
    """Return the recommendations of some users, after how many users these are.

    Args:
        batch: The model with the rules of a list.
        words: The word of every one of these users on every film, sorted by user.
    """
    model = batch.model
    size, names = model.movie_ids.size, words[USER_ID].unique(maintain_order=True)
    items = pl.DataFrame({MOVIE_ID: model.movie_ids, _ITEM: np.arange(size, dtype=np.int32)})
    rows = words.with_columns(pl.col(USER_ID).rle_id().alias("row"))
    known = rows.join(items, on=MOVIE_ID, maintain_order="left")
    said = known.filter(pl.col(WEIGHT) != 0).sort("row", _ITEM)
    histories = _matrix(said, names.len(), size)
    stamps = said[EVENT_TIME].dt.epoch("s").fill_null(-1).to_numpy().astype(np.int64)
    consumed = pl.col(KIND).is_in([kind.value for kind in CONSUMED])
    done_with = _matrix(known.filter(consumed), names.len(), size)
    seen = _by_row(rows.filter(consumed), names.len())
    liked = np.zeros(names.len(), np.bool_)
    liked[rows.filter(pl.col(WEIGHT) > 0)["row"].to_numpy()] = True
    scores = batch.scorer.score(histories, times=stamps)
    frames = []
    alike = batch.alike(scores)
    one_by_one = np.flatnonzero(alike) if batch.plain else np.arange(names.len())
    if batch.plain:
        scores[:, ~batch.allowed] = -np.inf
        ranking = top_k(scores, k=batch.k, exclude=done_with)
        ranking[alike] = NO_ITEM
        frames.append(_ranked(batch, ranking, scores, names))
    frames += [
        _listed(batch, None if alike[row] else scores[row], seen[row], names[row], newcomer=not liked[row])
        for row in one_by_one.tolist()
    ]
    return names.len(), pl.concat(frames)


def _ranked(batch: Batch, ranking: NDArray[np.int32], scores: NDArray[np.float32], names: pl.Series) -> pl.DataFrame:
    row, rank = np.nonzero(ranking != NO_ITEM)
    item = ranking[row, rank]
    columns: dict[str, Any] = {
        USER_ID: names.gather(row),
        RANK: rank + 1,
        MOVIE_ID: batch.model.movie_ids[item],
        SCORE: scores[row, item],
        SOURCE: [batch.source.value] * len(row),
    }
    return pl.DataFrame(columns, schema_overrides=_SCHEMA).select(_SCHEMA.names())


def _listed(
    batch: Batch, scores: NDArray[np.float32] | None, seen: NDArray[np.int64], name: str, *, newcomer: bool
) -> pl.DataFrame:
    answer = batch.answer(scores, frozenset(seen.tolist()), newcomer=newcomer)
    rows = [
        (name, rank, pick.film.movie_id, pick.score, answer.source.value)
        for rank, pick in enumerate(answer.picks, start=1)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _by_row(words: pl.DataFrame, users: int) -> list[NDArray[np.int64]]:
    """Return the films of each row."""
    ends = np.cumsum(np.bincount(words["row"].to_numpy(), minlength=users))
    return np.split(words[MOVIE_ID].to_numpy(), ends[:-1])


def _matrix(words: pl.DataFrame, users: int, items: int) -> sparse.csr_matrix:
    return sparse.csr_matrix(
        (words[WEIGHT].to_numpy(), (words["row"].to_numpy(), words[_ITEM].to_numpy())), shape=(users, items)
    )


def _write(rows: pl.LazyFrame, path: Path) -> None:
    """Write a Parquet file; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".unfinished")
    rows.sort(USER_ID, RANK).sink_parquet(temporary)
    temporary.replace(path)
