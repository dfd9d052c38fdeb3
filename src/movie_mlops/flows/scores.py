"""The scores of each user on disk, so that the gate can judge what an earlier process evaluated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from movie_mlops.core.columns import USER_ID
from movie_mlops.evaluation import EvaluationConfig, Scores

_MODEL = "model"
_CASE = "case"
_HISTORY = "history_size"
_MISCALIBRATION = "miscalibration"
_SLICE = "slice of "


def write_scores(path: Path, scores: Sequence[Scores]) -> None:
    """Write one row per model and judged user; the file appears whole or not at all."""
    frames = [
        pl.DataFrame(
            {
                _MODEL: [s.model] * len(s.user_ids),
                _CASE: [s.case] * len(s.user_ids),
                USER_ID: s.user_ids,
                _HISTORY: s.history_sizes,
                **s.per_user,
                **{_SLICE + name: values for name, values in s.slices.items()},
                **({} if s.miscalibration is None else {_MISCALIBRATION: s.miscalibration}),
            }
        )
        for s in scores
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".unfinished")
    pl.concat(frames).write_parquet(temporary)
    temporary.replace(path)


def read_scores(path: Path, config: EvaluationConfig) -> dict[str, Scores]:
    """Return the scores by model. The metrics of whole lists are not kept there."""
    frame = pl.read_parquet(path)
    slices = [name for name in frame.columns if name.startswith(_SLICE)]
    others = {_MODEL, _CASE, USER_ID, _HISTORY, _MISCALIBRATION, *slices}
    metrics = [name for name in frame.columns if name not in others]
    return {
        str(model): Scores(
            model=str(model),
            case=part[_CASE][0],
            user_ids=part[USER_ID].to_list(),
            per_user={name: part[name].to_numpy() for name in metrics},
            lists={},
            history_sizes=part[_HISTORY].to_numpy().astype(np.int64),
            config=config,
            slices={name.removeprefix(_SLICE): part[name].to_numpy() for name in slices},
            miscalibration=part[_MISCALIBRATION].to_numpy() if _MISCALIBRATION in frame.columns else None,
        )
        for (model,), part in frame.group_by(_MODEL, maintain_order=True)
    }
