"""The same join by Feast, in an environment of its own: run as a script with Feast's Python, not imported.

``python feast_rival.py FOLDER ENGINE REPEATS`` reads ``rows.parquet`` and ``features.parquet`` from FOLDER, writes
``feast-ENGINE.parquet`` there and prints one JSON document.
"""

import json
import sys
import time
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

KEYS = ("user_id", "event_time", "ingested_at")


def main(folder: Path, engine: str, repeats: int) -> None:
    """Join, as often as asked, and print what it took."""
    import pandas as pd  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType  # noqa: PLC0415
    from feast.types import Float64  # noqa: PLC0415

    names = [name for name in pq.read_schema(folder / "features.parquet").names if name not in KEYS]
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    source = FileSource(
        path=str(folder / "features.parquet"), timestamp_field="event_time", created_timestamp_column="ingested_at"
    )
    fields = [Field(name=name, dtype=Float64) for name in names]
    view = FeatureView(name="given", entities=[user], schema=fields, source=source, ttl=timedelta(0), online=False)
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / f"registry-{engine}.db"),
        offline_store={"type": engine},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    store.apply([user, view])
    rows = pd.read_parquet(folder / "rows.parquet").rename(columns={"at": "event_timestamp"})
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        found = store.get_historical_features(rows, features=[f"given:{name}" for name in names]).to_df()
        seconds.append(round(time.perf_counter() - started, 4))
    found.to_parquet(folder / f"feast-{engine}.parquet")
    document = {"version": version("feast"), "engine": engine, "seconds": seconds, "rows": len(found)}
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
