"""Experiment tracking: every recipe that was tried, in MLflow on SQLite."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.release.config import TrackingConfig
from movie_mlops.release.errors import TrackingError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_QUIET: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_AGENT_HINT": "1"}
"""What keeps MLflow from calling home, and from writing on the terminal, when it is imported."""

_CHAMPION: Final = "champion"


@dataclass(frozen=True)
class Run:
    """One recipe that was tried.

    Attributes:
        name: Of the recipe, such as ``edlae``.
        params: Its parameters.
        metrics: What it achieved, by name; ``ndcg@10`` is recorded as ``ndcg_at_10``, as MLflow allows no ``@``.
        tags: Data set, lake versions, commit, and whatever else finds the run again.
        started: When the work began; by default the moment of recording.
        bundle: Folder of its bundle; ``None`` where none was written.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, Any] = field(default_factory=dict)
    started: datetime | None = None
    bundle: Path | None = None


class Tracking:
    """Records runs; the first use makes the database, which takes about two seconds.

    Args:
        config: Where, and under which experiment.

    Raises:
        TrackingError: The database cannot be opened.
    """

    def __init__(self, config: TrackingConfig) -> None:
        _silence_mlflow()
        self._url = f"sqlite:///{config.folder.absolute() / 'mlflow.db'}"
        with _refusals(self._url):
            config.folder.mkdir(parents=True, exist_ok=True)
            self._client = _client(self._url)
            self._experiment_id = _experiment(self._client, config)

    def record(self, run: Run) -> str:
        """Record one finished run and return MLflow's id of it.

        Raises:
            TrackingError: MLflow refuses something in it; a run that was begun is then marked as failed.
        """
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - takes a second

        ended = _milliseconds(clock.now())
        started = ended if run.started is None else _milliseconds(run.started)
        tags = {name: _text(value) for name, value in run.tags.items()}
        if run.bundle is not None:
            tags |= {"bundle_id": run.bundle.name, "bundle_path": str(run.bundle.absolute())}
        with _refusals(self._url):
            begun = self._client.create_run(self._experiment_id, start_time=started, run_name=run.name)
            run_id = str(begun.info.run_id)
            status = "FAILED"
            try:
                self._client.log_batch(
                    run_id,
                    metrics=[Metric(_metric_name(name), float(v), ended, 0) for name, v in run.metrics.items()],
                    params=[Param(name, _text(value)) for name, value in run.params.items()],
                    tags=[RunTag(name, value) for name, value in tags.items()],
                )
                status = "FINISHED"
            finally:
                self._client.set_terminated(run_id, status=status, end_time=ended)
        return run_id

    def mark_champion(self, run_id: str, *, release_id: int) -> None:
        """Tag the run whose bundle was released; the run that had the tag loses it.

        Raises:
            TrackingError: There is no such run.
        """
        with _refusals(self._url):
            self._client.set_tag(run_id, "release_id", str(release_id))
            self._client.set_tag(run_id, _CHAMPION, "true")
            for former in self._client.search_runs([self._experiment_id], f"tags.{_CHAMPION} = 'true'"):
                if former.info.run_id != run_id:
                    self._client.delete_tag(former.info.run_id, _CHAMPION)


def _silence_mlflow() -> None:
    """Import MLflow without its telemetry and chatter."""
    # MLflow takes these from the environment and nowhere else, while it is being imported.
    os.environ.update(_QUIET)  # noqa: TID251 - nothing is read
    from mlflow.telemetry import set_telemetry_client  # noqa: PLC0415 - takes a second

    # Where somebody imported MLflow before us, its telemetry is on already.
    set_telemetry_client()  # type: ignore[no-untyped-call] # MLflow gives it no types
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _client(url: str) -> "MlflowClient":
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - takes a second

    with warnings.catch_warnings():
        # MLflow's own use of deprecated SQLAlchemy is not the user's business.
        warnings.simplefilter("ignore", DeprecationWarning)
        return MlflowClient(tracking_uri=url, registry_uri=url)


def _experiment(client: "MlflowClient", config: TrackingConfig) -> str:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - takes a second

    found = client.get_experiment_by_name(config.experiment)
    if found is None:
        artifacts = (config.folder.absolute() / "artifacts" / config.experiment).as_uri()
        try:
            return str(client.create_experiment(config.experiment, artifact_location=artifacts))
        except MlflowException:
            # Another process may have made it in the meantime.
            found = client.get_experiment_by_name(config.experiment)
            if found is None:
                raise
    return str(found.experiment_id)


@contextmanager
def _refusals(url: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - takes a second
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - beside the above

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        first_line = str(error).partition("\n")[0]
        raise TrackingError(
            f"The experiment tracker at {url} refused a request ({first_line}).",
            next_step="Check that its folder can be written; a damaged mlflow.db can be moved away, a new one is made.",
        ) from error


def _metric_name(name: str) -> str:
    return name.replace("@", "_at_")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
