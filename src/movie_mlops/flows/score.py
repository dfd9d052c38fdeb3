"""Batch scoring: the best films of every user, by the model that serves, into the lake."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import EVENT_TIME, KIND, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features.feedback import CONSUMED, latest_words
from movie_mlops.flows.errors import FlowError, NothingReleasedError
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, MOVIES
from movie_mlops.recommenders import NO_ITEM, top_k
from movie_mlops.release import Bundle, read_bundle

RECOMMENDATIONS: Final = "recommendations"
"""The table: each user's films, the best first, as the API answers them without any wish."""
RANK: Final = "rank"
SCORE: Final = "score"
"""The columns of that table beside the user and the film."""

_ITEM: Final = "item"


@dataclass(frozen=True)
class Scored:
    """What batch scoring made.

    Attributes:
        bundle: The bundle of the model that scored.
        version: The version of the table of recommendations.
        users: How many users it has; the others have liked nothing that the model knows.
        rows: How many recommendations it has.
        skipped: Whether it was there already.
    """

    bundle: str
    version: int
    users: int
    rows: int
    skipped: bool


def score(platform: Platform, *, k: int = 10, progress: Progress = SILENT) -> Scored:
    """Put the ``k`` best films of every user into the lake, in one commit, unless the same are there.

    Args:
        platform: The stores.
        k: Films for each user at most.
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
    there = lake.version(RECOMMENDATIONS)
    skipped = there is not None and lake.commit(RECOMMENDATIONS, there).note == note
    if there is None or not skipped:
        bundle = read_bundle(platform.workspace.models / champion.bundle_id, trust=platform.keys.trust)
        words = latest_words(lake.scan(INTERACTIONS, version=read[INTERACTIONS]), platform.config.feedback)
        films = lake.scan(MOVIES, version=read[MOVIES]).select(MOVIE_ID).collect()[MOVIE_ID].to_numpy()
        block = max(1, platform.config.evaluation.block_scores // bundle.movie_ids.size)
        with progress.task("Scoring", words[USER_ID].n_unique(), "users") as advance:
            best = []
            for users, frame in _best(bundle, words, films, k, block):
                best.append(frame)
                advance(users)
        there = lake.overwrite(RECOMMENDATIONS, pl.concat(best), note=note)
    made = lake.scan(RECOMMENDATIONS, version=there).select(pl.col(USER_ID).n_unique(), rows=pl.len()).collect()
    users, rows = made.row(0)
    return Scored(champion.bundle_id, there, users, rows, skipped)


def _best(
    bundle: Bundle, words: pl.DataFrame, films: NDArray[np.int64], k: int, block: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the recommendations of some users after the other, with how many users these are."""
    model, names = bundle.recommender, words[USER_ID].unique(maintain_order=True)
    items = pl.DataFrame({MOVIE_ID: bundle.movie_ids, _ITEM: np.arange(bundle.movie_ids.size, dtype=np.int32)})
    known = words.with_columns(pl.col(USER_ID).rle_id().alias("row")).join(items, on=MOVIE_ID, maintain_order="left")
    said = known.filter(pl.col(WEIGHT) != 0).sort("row", _ITEM)
    histories = _matrix(said, names.len(), bundle.movie_ids.size)
    stamps = said[EVENT_TIME].dt.epoch("s").fill_null(-1).to_numpy().astype(np.int64)
    done_with = _matrix(
        known.filter(pl.col(KIND).is_in([kind.value for kind in CONSUMED])), names.len(), bundle.movie_ids.size
    )
    unlisted = ~np.isin(bundle.movie_ids, films)
    for start in range(0, names.len(), block):
        stop = min(start + block, names.len())
        times = stamps[histories.indptr[start] : histories.indptr[stop]]
        scores = model.score(histories[start:stop], times=times)
        # Where all films are equal nothing is recommended: the API answers these users with what is popular.
        told = scores.max(axis=1) > scores.min(axis=1)
        scores[:, unlisted] = -np.inf
        ranking = top_k(scores, k, exclude=done_with[start:stop])
        ranking[~told] = NO_ITEM
        row, rank = np.nonzero(ranking != NO_ITEM)
        item = ranking[row, rank]
        yield (
            stop - start,
            pl.DataFrame(
                {
                    USER_ID: names.gather(start + row),
                    RANK: (rank + 1).astype(np.int32),
                    MOVIE_ID: bundle.movie_ids[item],
                    SCORE: scores[row, item],
                }
            ),
        )


def _matrix(words: pl.DataFrame, users: int, items: int) -> sparse.csr_matrix:
    return sparse.csr_matrix(
        (words[WEIGHT].to_numpy(), (words["row"].to_numpy(), words[_ITEM].to_numpy())), shape=(users, items)
    )
