"""Feast's side of the protocol: run as a script with the Python of Feast's environment, never imported.

``python worker.py FOLDER`` serves the Feast repository in FOLDER. It reads requests from standard input, one JSON
object a line, and answers each with one line on standard output: what was asked for, or ``{"error": "…"}``. Requests:

- ``{"do": "apply"}`` takes the definitions over; answers ``{"feast": version}``.
- ``{"do": "historical", "features": […], "rows": FILE, "to": FILE, "only_created": false}`` joins the rows of a Parquet
  file (the entities' keys, ``event_timestamp``, and whatever else) with features, and writes another one.
  ``only_created`` is Feast's ``filter_by_created_timestamp``.
- ``{"do": "materialise", "until": TIME}`` writes the newest rows that are not younger into the online store.
- ``{"do": "read", "features": […], "keys": [{"user_id": "1"}, …]}`` answers ``{"rows": […]}``: for each key a list of
  values, or null where all of them are null, as they are where nobody knows the key.
"""

import json
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TextIO

Answer = dict[str, Any]


def apply(folder: Path) -> Answer:
    """Take the definitions over, as ``feast apply`` does."""
    from feast.repo_config import load_repo_config  # noqa: PLC0415 - only here Feast is there
    from feast.repo_operations import apply_total  # noqa: PLC0415

    # Feast keeps the modules that it imported.
    sys.modules.pop("features", None)
    apply_total(load_repo_config(folder, folder / "feature_store.yaml"), folder, skip_source_validation=False)
    return {"feast": version("feast")}


def historical(folder: Path, *, features: list[str], rows: str, to: str, only_created: bool) -> Answer:
    """Join rows with features."""
    import pandas as pd  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    job = _store(folder).get_historical_features(
        pd.read_parquet(rows),
        features=features,
        full_feature_names=True,
        filter_by_created_timestamp=only_created,
    )
    found = job.to_arrow()
    pq.write_table(found, to)
    return {"rows": found.num_rows}


def materialise(folder: Path, *, until: str) -> Answer:
    """Write the newest rows into the online store."""
    _store(folder).materialize(datetime(1900, 1, 1, tzinfo=UTC), datetime.fromisoformat(until))
    return {}


def read(folder: Path, *, features: list[str], keys: list[dict[str, Any]]) -> Answer:
    """Read the online rows of keys."""
    response = _store(folder).get_online_features(features=features, entity_rows=keys).proto
    columns = dict(zip(response.metadata.feature_names.val, response.results, strict=True))
    wanted = [columns[feature.partition(":")[2]] for feature in features]
    return {"rows": [_row(wanted, place) for place in range(len(keys))]}


def _row(columns: list[Any], place: int) -> list[Any] | None:
    # Not every online store says that it found nothing; but each gives nulls alone.
    values = [_plain(column.values[place]) for column in columns]  # noqa: PD011 - no frame of pandas
    return None if all(value is None for value in values) else values


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("val")
    return None if kind is None or kind == "null_val" else getattr(value, kind)


def _store(folder: Path) -> Any:
    from feast import FeatureStore  # noqa: PLC0415

    if folder not in _STORES:
        _STORES[folder] = FeatureStore(repo_path=str(folder))
    return _STORES[folder]


_STORES: Final[dict[Path, Any]] = {}
_ANSWERS: Final[dict[str, Callable[..., Answer]]] = {
    "apply": apply,
    "historical": historical,
    "materialise": materialise,
    "read": read,
}


def main(folder: Path, requests: TextIO, answers: TextIO) -> None:
    """Answer until there are no more requests."""
    sys.path.insert(0, str(folder))
    for line in requests:
        request = json.loads(line)
        try:
            answer = _ANSWERS[request.pop("do")](folder, **request)
        except Exception as error:  # noqa: BLE001 - who asked decides what to do
            answer = {"error": f"{type(error).__name__}: {error}"}
        if "feast" in answer:
            _STORES.clear()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    # What Feast prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    main(Path(sys.argv[1]).resolve(), sys.stdin, answers)
