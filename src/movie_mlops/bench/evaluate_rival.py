"""The same evaluation by RecTools and by ranx, in an environment of its own: run with its Python, not imported.

- ``python evaluate_rival.py time FOLDER NAME REPEATS`` reads ``scores.npy``, ``seen.npz`` and ``held_out.npz`` from
  FOLDER and times NAME, ``rectools`` or ``ranx``, from the scores to the metrics: the best of each row by
  ``numpy.argpartition``, since neither takes scores, then the metrics from these lists.
- ``python evaluate_rival.py judge FILE NAME`` prints NAME's figures of each user for the lists in a JSON file, such as
  ``tests/fixtures/stage_5/judged_lists.json``.

All print one JSON document. The rivals' own definitions are used where they are ours too. Theirs of Recall and MAP
divide by all items held out, ours by as many as a list can hold: ``min(k, held out)``; the caller converts.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

METRICS = ("ndcg", "recall", "map", "precision", "hit_rate", "mrr")
ROWS = 256


def top_k(scores: Any, seen: Any, k: int) -> Any:
    """Return the best unseen items of each row as numpy is commonly asked for them, a block of rows at a time."""
    import numpy as np  # noqa: PLC0415

    users, items = scores.shape
    lists = np.empty((users, k), dtype=np.int64)
    for start in range(0, users, ROWS):
        block = scores[start : start + ROWS].copy()
        pointers = seen.indptr[start : start + len(block) + 1]
        rows = np.repeat(np.arange(len(block)), np.diff(pointers))
        block[rows, seen.indices[pointers[0] : pointers[-1]]] = -np.inf
        best = np.argpartition(block, items - k, axis=1)[:, items - k :]
        order = np.argsort(-np.take_along_axis(block, best, axis=1), axis=1)
        lists[start : start + len(block)] = np.take_along_axis(best, order, axis=1)
    return lists


def by_rectools(lists: Any, held_out: Any, cutoffs: list[int], *, per_user: bool = False) -> dict[str, Any]:
    """Return RecTools' figures, with nDCG's ideal list cut at what is held out, which is an option of its own."""
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from rectools import Columns  # noqa: PLC0415
    from rectools.metrics import MAP, MRR, NDCG, HitRate, Precision, Recall, calc_metrics  # noqa: PLC0415

    users, k = lists.shape
    owners = np.repeat(np.arange(users), np.diff(held_out.indptr))
    wanted = pd.DataFrame({Columns.User: owners, Columns.Item: held_out.indices})
    shown = pd.DataFrame(
        {
            Columns.User: np.repeat(np.arange(users), k),
            Columns.Item: lists.ravel(),
            Columns.Rank: np.tile(np.arange(1, k + 1), users),
        }
    )
    kinds = (lambda k: NDCG(k, divide_by_achievable=True), Recall, MAP, Precision, HitRate, MRR)
    made = {f"{name}@{k}": kind(k) for k in cutoffs for name, kind in zip(METRICS, kinds, strict=True)}
    if not per_user:
        return {name: float(value) for name, value in calc_metrics(made, shown, wanted).items()}
    return {name: metric.calc_per_user(shown, wanted).sort_index().tolist() for name, metric in made.items()}


def by_ranx(lists: Any, held_out: Any, cutoffs: list[int], *, per_user: bool = False) -> dict[str, Any]:
    """Return ranx's figures; its names are strings, and the lists' order is that of made-up scores."""
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from ranx import Qrels, Run, evaluate  # noqa: PLC0415

    users, k = lists.shape
    # Names of one width sort as numbers do: ranx puts users in the order of their names.
    names = np.array([f"{number:09d}" for number in range(max(users, held_out.shape[1]))])
    owners = names[np.repeat(np.arange(users), np.diff(held_out.indptr))]
    wanted = pd.DataFrame({"q_id": owners, "doc_id": names[held_out.indices], "score": 1})
    shown = pd.DataFrame(
        {
            "q_id": names[np.repeat(np.arange(users), k)],
            "doc_id": names[lists.ravel()],
            "score": np.tile(np.arange(k, 0, -1, dtype=np.float64), users),
        }
    )
    asked = [f"{name}@{k}" for k in cutoffs for name in METRICS]
    found = evaluate(Qrels.from_df(wanted), Run.from_df(shown), asked, return_mean=not per_user)
    return {name: found[name].tolist() if per_user else float(found[name]) for name in asked}


JUDGES = {"rectools": by_rectools, "ranx": by_ranx}


def timed(folder: Path, name: str, repeats: int) -> dict[str, Any]:
    """Return what each part took, as often as asked, after one run that is not counted; and the figures."""
    import numpy as np  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    scores = np.load(folder / "scores.npy")
    seen, held_out = (sparse.csr_matrix(sparse.load_npz(folder / f"{what}.npz")) for what in ("seen", "held_out"))
    cutoffs = json.loads((folder / "cutoffs.json").read_text(encoding="utf-8"))
    # What is compiled on first use is compiled here.
    JUDGES[name](top_k(scores[:ROWS], seen[:ROWS], max(cutoffs)), held_out[:ROWS], cutoffs)
    ranking, judging = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        lists = top_k(scores, seen, max(cutoffs))
        ranked = time.perf_counter()
        figures = JUDGES[name](lists, held_out, cutoffs)
        judging.append(round(time.perf_counter() - ranked, 4))
        ranking.append(round(ranked - started, 4))
    np.save(folder / "rival-lists.npy", lists)
    return {"ranking_seconds": ranking, "judging_seconds": judging, "figures": figures}


def judged(file: Path, name: str) -> dict[str, Any]:
    """Return the figures of each user for the lists in a JSON file: ``lists``, ``held_out``, ``films``, ``cutoffs``."""
    import numpy as np  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    given = json.loads(file.read_text(encoding="utf-8"))
    rows = np.repeat(np.arange(len(given["held_out"])), [len(items) for items in given["held_out"]])
    columns = np.concatenate([np.array(items, dtype=np.int64) for items in given["held_out"]])
    shape = (len(given["held_out"]), given["films"])
    held_out = sparse.csr_matrix((np.ones(rows.size, dtype=np.float32), (rows, columns)), shape=shape)
    return {"figures": JUDGES[name](np.array(given["lists"]), held_out, given["cutoffs"], per_user=True)}


if __name__ == "__main__":
    # What the libraries print is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    work, place, rival = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    answer = timed(place, rival, int(sys.argv[4])) if work == "time" else judged(place, rival)
    answers.write(json.dumps({"version": version(rival), **answer}) + "\n")
