"""A bundle made again in a process of its own, which reads what to make and tells how it goes.

One JSON document comes in on standard input; JSON lines go out on standard output: tasks and how
far they are, then what was made or why nothing was.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.progress import Advance
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.features import known_feedback, known_movies
from movie_mlops.flows.provenance import OPTIONAL, code_commit, code_sha256, machine, package_versions
from movie_mlops.flows.remembered import reference_bytes
from movie_mlops.flows.train import fit
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, USERS, Lake, LakeConfig
from movie_mlops.release import REFERENCE, Manifest, write_bundle


def plan(lake: LakeConfig, manifest: Manifest, target: Path, users: pl.DataFrame) -> bytes:
    """Return what this module reads: from which lake to make which bundle, of which users, and where to put it.

    The process has no keys: what is sealed in the lake, it is told.
    """
    # The keys of S3 go through the pipe, where no list of processes shows them.
    told = TypeAdapter(LakeConfig).dump_python(lake, mode="json")
    for name in ("access_key_id", "secret_access_key"):
        secret = getattr(lake.s3, name)
        told["s3"][name] = None if secret is None else secret.get_secret_value()
    told["root"] = str(lake.root if lake.is_remote else Path(lake.root).absolute())
    document = {
        "lake": told,
        "facts": manifest.facts,
        "model": manifest.model,
        "params": manifest.params,
        "users": users.to_dict(as_series=False),
        "reference": REFERENCE in manifest.arrays,
        "target": str(target),
    }
    return json.dumps(document).encode()


def present() -> dict[str, Any]:
    """Return what this process is, under the names that a bundle's facts have for it."""
    return {
        "code_commit": code_commit(),
        "code_sha256": code_sha256(),
        "packages": package_versions(OPTIONAL),
        "machine": machine(),
    }


class _Lines:
    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:
        """Tell of a task."""
        _tell(task=title, total=total, unit=unit)
        yield lambda amount: _tell(advance=amount)
        _tell(end=title)


def main() -> int:
    """Make what was asked for; return the exit code."""
    asked = json.load(sys.stdin)
    try:
        lake = Lake(TypeAdapter(LakeConfig).validate_python(asked["lake"]))
        config = TypeAdapter(FeedbackConfig).validate_python(asked["facts"]["feedback"])
        versions = asked["facts"]["lake_versions"]
        known = known_feedback(lake, config, version=versions[INTERACTIONS])
        movies = partial(known_movies, lake, version=versions.get(MOVIES))
        users = pl.DataFrame(asked["users"], schema=SCHEMAS[USERS])
        trained = fit(known, asked["model"], asked["params"], _Lines(), movies=movies, users=lambda: users)
        # With the facts of the original: equal numbers then give the very same bundle, name and all.
        bundle = write_bundle(
            Path(asked["target"]),
            model=trained.model,
            movie_ids=trained.movie_ids,
            facts=asked["facts"],
            reference=reference_bytes(lake, versions, config, users) if asked["reference"] else None,
        )
    except MovieMlopsError as error:
        _tell(error=error.to_json())
        return 1
    _tell(made={"bundle_id": bundle.bundle_id, "trained_on": trained.trained_on, **present()})
    return 0


def _tell(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
