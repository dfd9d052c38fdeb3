"""The same join and the same reads by Feast, in an environment of its own: run with Feast's Python, not imported.

- ``python feast_rival.py join FOLDER ENGINE REPEATS`` reads ``rows.parquet`` and ``features.parquet`` from FOLDER and
  writes ``feast-ENGINE.parquet`` there. An ENGINE such as ``duckdb+created`` has Feast's switch
  ``filter_by_created_timestamp`` on: its way to leave out what had not arrived.
- ``python feast_rival.py read FOLDER STORE READS`` puts the rows of ``online.parquet`` in FOLDER into the online store
  STORE, ``sqlite`` or ``redis:HOST:PORT``, and reads them one at a time and a hundred at once.

Both print one JSON document.
"""

import json
import sys
import time
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

HUNDRED = 100
KEYS = ("user_id", "event_time", "ingested_at")


def join(folder: Path, engine: str, repeats: int) -> dict[str, Any]:
    """Join, as often as asked; return what it took."""
    import pandas as pd  # noqa: PLC0415

    offline, _, created = engine.partition("+")
    store, names = _store(folder, folder / "features.parquet", {"type": offline})
    rows = pd.read_parquet(folder / "rows.parquet").rename(columns={"at": "event_timestamp"})
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        job = store.get_historical_features(rows, features=names, filter_by_created_timestamp=bool(created))
        found = job.to_df()
        seconds.append(round(time.perf_counter() - started, 4))
    found.to_parquet(folder / f"feast-{engine}.parquet")
    return {"engine": engine, "seconds": seconds, "rows": len(found)}


def read(folder: Path, online: str, reads: int) -> dict[str, Any]:
    """Fill the online store and read from it, as often as asked; return what each read took, in milliseconds."""
    import pandas as pd  # noqa: PLC0415

    kind, _, address = online.partition(":")
    where = {"connection_string": address} if address else {"path": str(folder / "feast-online.db")}
    file = folder / "online.parquet"
    store, names = _store(folder, file, {"type": "file"}, {"type": kind, **where})
    frame = pd.read_parquet(file)
    store.write_to_online_store("given", frame)
    users = frame["user_id"].tolist()
    hundreds = [users[start : start + HUNDRED] for start in range(0, len(users) - HUNDRED + 1, HUNDRED)]
    found = {}
    for what, keys in (("one row", [[user] for user in users]), ("100 rows", hundreds)):
        asked = [[{"user_id": user} for user in some] for some in keys]
        many = reads if what == "one row" else max(1, reads // 10)
        for some in asked[:HUNDRED]:
            store.get_online_features(features=names, entity_rows=some).to_dict()
        samples = []
        for place in range(many):
            some = asked[place % len(asked)]
            started = time.perf_counter()
            values = store.get_online_features(features=names, entity_rows=some).to_dict()
            samples.append(1000 * (time.perf_counter() - started))
        found[what] = samples
        missing = sum(value is None for value in values[names[0].partition(":")[2]])
        if missing:
            raise SystemExit(f"Feast has no row for {missing} of {len(some)} users")
    return {"store": kind, "milliseconds": found}


def _store(
    folder: Path, file: Path, offline: dict[str, str], online: dict[str, str] | None = None
) -> tuple[Any, list[str]]:
    """Return a Feast store with one view over a Parquet file, and the names of its features."""
    import pyarrow.parquet as pq  # noqa: PLC0415
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType  # noqa: PLC0415
    from feast.types import Float64  # noqa: PLC0415

    names = [name for name in pq.read_schema(file).names if name not in KEYS]
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    source = FileSource(path=str(file), timestamp_field="event_time", created_timestamp_column="ingested_at")
    fields = [Field(name=name, dtype=Float64) for name in names]
    view = FeatureView(
        name="given", entities=[user], schema=fields, source=source, ttl=timedelta(0), online=online is not None
    )
    unused = {"type": "sqlite", "path": str(folder / "unused.db")}
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / f"registry-{time.time_ns()}.db"),
        offline_store=offline,
        online_store=online or unused,
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    store.apply([user, view])
    return store, [f"given:{name}" for name in names]


if __name__ == "__main__":
    work = {"join": join, "read": read}[sys.argv[1]]
    # What Feast prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    answer = work(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    answers.write(json.dumps({"version": version("feast"), **answer}) + "\n")
