"""Experiment tracking: every recipe that was tried, in MLflow on SQLite."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.release.config import TrackingConfig
from movie_mlops.release.errors import TrackingError
from movie_mlops.release.registry import Registered

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

    def mirror(self, models: Sequence[Registered], aliases: Mapping[tuple[str, str], str], folder: Path) -> None:
        """Show the registry in MLflow: each bundle as a model version with its run, each alias where it points.

        MLflow counts versions by itself, so each carries its own name there as a tag (``version``, ``bundle_id``);
        the registry stays the record, and what MLflow is told elsewhere changes nothing.

        Args:
            models: The registered bundles.
            aliases: Bundle id by name and alias.
            folder: The folder of the bundles.
        """
        with _refusals(self._url):
            for name in dict.fromkeys(one.name for one in models):
                own = sorted((one for one in models if one.name == name), key=lambda one: one.version)
                shown = self._versions(name)
                for one in own:
                    if one.bundle_id not in shown:
                        shown[one.bundle_id] = self._show(one, folder / one.bundle_id)
                wanted = {alias: shown[bundle_id] for (owner, alias), bundle_id in aliases.items() if owner == name}
                present = dict(self._client.get_registered_model(name).aliases)
                for alias in present.keys() - wanted.keys():
                    self._client.delete_registered_model_alias(name, alias)
                for alias, version in wanted.items():
                    if str(present.get(alias)) != version:
                        self._client.set_registered_model_alias(name, alias, version)

    def _versions(self, name: str) -> dict[str, str]:
        """Return MLflow's version of each bundle of a name; the name is made where MLflow does not know it."""
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        found: dict[str, str] = {}
        token: str | None = None
        while True:
            page = self._client.search_model_versions(f"name = '{name}'", page_token=token)
            found |= {one.tags["bundle_id"]: str(one.version) for one in page if "bundle_id" in one.tags}
            token = page.token
            if not token:
                return found

    def _show(self, one: Registered, path: Path) -> str:
        runs = self._client.search_runs([self._experiment_id], f"tags.bundle_id = '{one.bundle_id}'", max_results=1)
        made = self._client.create_model_version(
            one.name,
            source=path.absolute().as_uri(),
            run_id=runs[0].info.run_id if runs else None,
            tags={"bundle_id": one.bundle_id, "version": one.label, "origin": one.origin},
        )
        return str(made.version)


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
        with warnings.catch_warnings():
            # MLflow's own use of deprecated SQLAlchemy is not the user's business.
            warnings.simplefilter("ignore", DeprecationWarning)
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
