"""From options and files to plain objects; imported inside commands only."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.logs import LogConfig, LogLines
from movie_mlops.core.nouns import Workspace
from movie_mlops.events.triggers import TriggersConfig
from movie_mlops.features import FeatureView, RedisConfig, TrainingSets
from movie_mlops.features.engines import LOCAL, FeatureEngine, SparkConfig, SparkEngine
from movie_mlops.flows import NothingReleasedError, Platform, PlatformConfig, active_dataset
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.shelf import find_bundle
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.ingest import IngestConfig, Source, SourceOptions, open_people, open_source
from movie_mlops.lake import Lake, LakeConfig, S3Config
from movie_mlops.monitoring import FreshnessConfig
from movie_mlops.monitoring.drift import DriftConfig
from movie_mlops.monitoring.quality import QualityConfig
from movie_mlops.release import Aliases, Keys, KeysConfig, Ledger, Registry, Release, read_waivers
from movie_mlops.release.rollout import RolloutConfig
from movie_mlops.security import AuditLog, Exposure, Pseudonyms, SecurityConfig
from movie_mlops.security import require_fit as refuse_unfit
from movie_mlops.security.envelope import MasterKeys, RowSeals, read_master_keys
from movie_mlops.security.erasure import Erased
from movie_mlops.security.people import People
from movie_mlops.settings import (
    NamedSource,
    Settings,
    read_contracts,
    read_gates,
    read_java_home,
    read_monitoring,
    read_notify,
    read_platform_config,
    read_rollout,
    read_security,
    read_settings,
    read_sources,
    read_spark,
    read_triggers,
)
from movie_mlops.state import Database, StateConfig

if TYPE_CHECKING:
    from movie_mlops.monitoring.notify import NotifyConfig


def settings(home: Path | None) -> Settings:
    """Return the settings, with the home that was given."""
    found = read_settings()
    return found if home is None else found.model_copy(update={"home": home})


def platform_config(settings: Settings, *, tuned_needed: bool = True) -> PlatformConfig:
    """Return ``config/platform.yaml``, ``contracts.yaml``, ``gates.yaml`` and the waivers, or the defaults."""
    config = read_platform_config(settings.config / "platform.yaml", tuned_needed=tuned_needed).judging(
        read_gates(settings.config / "gates.yaml"), read_waivers(waivers(settings))
    )
    return config.model_copy(update={"ingest": contracts(settings)})


def waivers(settings: Settings) -> Path:
    """Return the folder of the waivers."""
    return settings.config / "waivers"


def security(settings: Settings) -> SecurityConfig:
    """Return ``config/security.yaml``; closed for production, whatever the file says."""
    found = read_security(settings.config / "security.yaml")
    return found.as_closed() if settings.production else found


def rollout(settings: Settings) -> RolloutConfig:
    """Return ``config/rollout.yaml``, or the defaults where there is none."""
    return read_rollout(settings.config / "rollout.yaml")


def drift(settings: Settings) -> DriftConfig:
    """Return the part ``drift`` of ``config/monitoring.yaml``, or the defaults where there is none."""
    return read_monitoring(settings.config / "monitoring.yaml").drift


def quality(settings: Settings) -> QualityConfig:
    """Return the part ``quality`` of ``config/monitoring.yaml``, or the defaults where there is none."""
    return read_monitoring(settings.config / "monitoring.yaml").quality


def freshness(settings: Settings) -> FreshnessConfig:
    """Return the part ``freshness`` of ``config/monitoring.yaml``, or the defaults where there is none."""
    return read_monitoring(settings.config / "monitoring.yaml").freshness


def triggers(settings: Settings) -> TriggersConfig:
    """Return ``config/triggers.yaml``, or the defaults where there is none."""
    return read_triggers(settings.config / "triggers.yaml")


def notify(settings: Settings) -> "NotifyConfig":
    """Return ``config/notify.yaml``, or the defaults where there is none."""
    return read_notify(settings.config / "notify.yaml")


def contracts(settings: Settings) -> IngestConfig:
    """Return ``config/contracts.yaml``, or the defaults where there is none."""
    return read_contracts(settings.config / "contracts.yaml")


def workspace(home: Path | None, dataset: str | None) -> Workspace:
    """Return the workspace that a command means."""
    found = settings(home)
    return active_dataset(found.home, dataset, lakes(found))


def lakes(settings: Settings) -> LakeConfig:
    """Return where the lakes of all data sets are."""
    s3 = S3Config(
        endpoint=settings.s3_endpoint or None,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id or None,
        secret_access_key=settings.s3_secret_access_key or None,
    )
    return LakeConfig(root=settings.lake or Workspace(settings.home, "").lakes, s3=s3)


@contextmanager
def platform(
    home: Path | None, dataset: str | None, *, as_served: bool = False, engine: FeatureEngine = LOCAL
) -> Iterator[Platform]:
    """Open the stores of the data set that a command means; as they are served, through Redis where there is one."""
    found = settings(home)
    carrier = redis(found) if as_served else None
    meant = workspace(home, dataset)
    opened = Platform(
        meant,
        platform_config(found),
        lakes(found),
        carrier,
        keys=keys_config(found),
        state_url=found.state_url,
        engine=engine,
    )
    try:
        yield opened
    finally:
        opened.close()


def entity_key(view: FeatureView, given: str) -> str | int | tuple[str, int]:
    """Return a key as a view knows it: a user, a film, or ``USER,FILM``.

    Raises:
        ConfigurationError: It is none.
    """
    both = len(view.entity.keys) > 1
    user, _, film = given.rpartition(",") if both else ("", "", given)
    if view.entity.has_film:
        try:
            number = int(film if user or not both else "")
        except ValueError as error:
            raise ConfigurationError(
                f"{given!r} is no {view.entity.name}.",
                next_step="Give a film's number" + (", after the user and a comma." if both else "."),
            ) from error
        return (user, number) if both else number
    return given


def require_fit(settings: Settings, host: str | None = None, *, encrypted: bool = False) -> None:
    """Do nothing where this is development, or a server may start with these settings in production.

    Args:
        settings: What it starts with.
        host: The address on which it listens, where that is not the settings'.
        encrypted: Whether it speaks TLS itself.

    Raises:
        UnfitForProductionError: It may not.
    """
    if not settings.production:
        return

    def shown(secret: SecretStr | None) -> str:
        return "" if secret is None else secret.get_secret_value()

    on = {"Python's development mode": sys.flags.dev_mode, "a debugger": sys.gettrace() is not None}
    refuse_unfit(
        Exposure(
            host=host or settings.host,
            encrypted=encrypted or settings.behind_proxy,
            admin_token=shown(settings.admin_token) or None,
            keys={
                "MOVIE_MLOPS_SIGNING_KEY": shown(settings.signing_key),
                "MOVIE_MLOPS_MASTER_KEY": shown(settings.master_key),
            },
            addresses={
                "MOVIE_MLOPS_STATE_URL": shown(settings.state_url),
                "MOVIE_MLOPS_REDIS_URL": shown(settings.redis_url),
            },
            secrets={
                "MOVIE_MLOPS_ADMIN_TOKEN_BEFORE": shown(settings.admin_token_before),
                "MOVIE_MLOPS_ACCESS_SECRET": shown(settings.access_secret),
                "MOVIE_MLOPS_S3_SECRET_ACCESS_KEY": shown(settings.s3_secret_access_key),
            },
            debugging=[what for what, is_on in on.items() if is_on],
            origins=security(settings).cors.origins,
        )
    )


@contextmanager
def logged(settings: Settings, file: Path | None, form: str | None) -> Iterator[LogLines | None]:
    """Log while the block runs, where a file or a form was chosen; options go over settings."""
    chosen = file or (Path(settings.log_file) if settings.log_file else None)
    shape = form or settings.log_format
    if chosen is None and not shape:
        yield None
        return
    with LogLines(LogConfig(file=chosen, form="text" if shape == "text" else "json")) as lines:
        yield lines


def keys_config(settings: Settings) -> KeysConfig:
    """Return where the signing key, the trusted ones and the master key are."""
    before = settings.master_key_before
    return KeysConfig(
        folder=Workspace(settings.home, "").keys,
        signing_key=settings.signing_key.get_secret_value() if settings.signing_key else None,
        trusted=Path(settings.trusted_keys) if settings.trusted_keys else None,
        master_key=settings.master_key.get_secret_value() if settings.master_key else None,
        master_key_before=before.get_secret_value() if before else None,
    )


def masters(settings: Settings) -> MasterKeys:
    """Return what wraps the keys of people."""
    keys = keys_config(settings)
    return read_master_keys(keys.folder, keys.master_key, keys.master_key_before)


def keys(home: Path | None) -> Keys:
    """Return what signs here, and whose bundles are used."""
    return Keys(keys_config(settings(home)))


def redis(settings: Settings) -> RedisConfig | None:
    """Return the Redis in front of the online store, where there is one."""
    return RedisConfig(settings.redis_url) if settings.redis_url else None


@contextmanager
def engine(settings: Settings, given: str | None) -> Iterator[FeatureEngine]:
    """Give the engine that the option or the settings name; where it started something, that ends with the block."""
    if (given or settings.engine) == LOCAL.name:
        yield LOCAL
        return
    config, java_home = spark(settings)
    made = SparkEngine(config, settings.home / "logs" / "spark.log", java_home=java_home)
    try:
        yield made
    finally:
        made.close()


def spark(settings: Settings) -> tuple[SparkConfig, str | None]:
    """Return ``config/spark.yaml``, or the defaults where there is none, and where Java is, if somebody said."""
    said = read_spark(settings.config / "spark.yaml")
    return replace(said, master=settings.spark_master) if settings.spark_master else said, read_java_home()


def lake(home: Path | None, dataset: str | None) -> Lake:
    """Return the lake that a command means."""
    return lake_of(settings(home), workspace(home, dataset))


def lake_of(settings: Settings, workspace: Workspace) -> Lake:
    """Return the lake of a data set."""
    seals = RowSeals(partial(database, workspace), partial(masters, settings))
    return Lake(lakes(settings).of(workspace.dataset), seals)


def training_sets(home: Path | None, dataset: str | None) -> TrainingSets:
    """Return the training sets of the data set that a command means."""
    meant = workspace(home, dataset)
    return TrainingSets(meant.training_sets, lake(home, dataset))


def database(workspace: Workspace) -> Database:
    """Return the state of a data set."""
    return Database(StateConfig.of(workspace, read_settings().state_url))


def audit(settings: Settings, database: Database) -> AuditLog:
    """Return the audit log of a data set."""
    return AuditLog(database, Pseudonyms.kept_in(Workspace(settings.home, "").keys))


def ledger(workspace: Workspace) -> Ledger:
    """Return the ledger of a data set."""
    return Ledger(database(workspace))


def champion(workspace: Workspace) -> Release:
    """Return what serves.

    Raises:
        NothingReleasedError: Nothing does.
    """
    release = ledger(workspace).champion()
    if release is None:
        raise NothingReleasedError(
            f"Nothing of {workspace.dataset} is released yet.", next_step="Run 'movie-mlops run' first."
        )
    return release


def bundle(workspace: Workspace, reference: str) -> str:
    """Return the id of the bundle that a command means: an id, name@version, name@alias or the beginning of an id.

    Raises:
        BundleError: Nothing, or more than one, is called so.
    """
    kept = database(workspace)
    return find_bundle(Registry(kept, workspace.models), Aliases(kept), workspace.models, reference)


def operator_key(settings: Settings, name: str) -> Path:
    """Return where the private key of an operator is kept.

    Raises:
        ConfigurationError: The name is none.
    """
    if not name.replace("-", "").replace(".", "").isalnum() or name.startswith("."):
        raise ConfigurationError(
            f"{name!r} cannot be the name of an operator.", next_step="Use letters, digits, hyphens and points."
        )
    return settings.home / "data" / "keys" / "operators" / f"{name}.pem"


def some_of(what: str, given: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """Return what was named, or all that is known where nothing was.

    Raises:
        ConfigurationError: Something was named that is not known.
    """
    for name in given or ():
        if name not in known:
            raise ConfigurationError(f"There is no {what} {name!r}.", next_step=f"Known are {', '.join(known)}.")
    return list(given or known)


def erased(settings: Settings, workspace: Workspace) -> Erased:
    """Return whose data was erased from a data set."""
    return Erased(database(workspace), keys_config(settings).folder, workspace.dataset)


def people(settings: Settings, workspace: Workspace) -> People:
    """Return who comes into a data set, for what, and by which name."""
    lake, folder = lake_of(settings, workspace), keys_config(settings).folder
    return open_people(lake, database(workspace), folder, workspace.dataset, contracts(settings))


@contextmanager
def one_flow(workspace: Workspace) -> Iterator[Workspace]:
    """Keep other flows off the data set while the block runs."""
    with one_at_a_time(workspace.lock):
        yield workspace


@contextmanager
def journaled(name: str, workspace: Workspace, lake: Lake) -> Iterator[None]:
    """Write down what the block reads and makes of the lake."""
    kept = database(workspace)
    try:
        with FlowJournal(kept, lake).flow(name):
            yield
    finally:
        kept.close()


def source(
    settings: Settings,
    name: str,
    *,
    columns: Sequence[str] | None,
    movies: Path | None,
    movie_columns: Sequence[str] | None,
    users: Path | None = None,
    user_columns: Sequence[str] | None = None,
    scale: str | None,
    dataset: str | None,
) -> Source:
    """Return the source that the options name; options go over what ``config/sources.yaml`` says of it."""
    named = read_sources(settings.config / "sources.yaml").get(name, NamedSource(source=name))
    options = SourceOptions(
        columns={**named.columns, **pairs("--column", columns)},
        movies=movies or named.movies,
        movie_columns={**named.movie_columns, **pairs("--movie-column", movie_columns)},
        users=users or named.users,
        user_columns={**named.user_columns, **pairs("--user-column", user_columns)},
        value_scale=_scale(scale) or named.scale,
        dataset=dataset or named.dataset,
    )
    return open_source(named.source, downloads=settings.home / "data" / "downloads", options=options)


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """Return what an option that is given as OURS=THEIRS says.

    Raises:
        ConfigurationError: It is not written so.
    """
    pairs = {}
    for word in given or ():
        ours, equals, theirs = word.partition("=")
        if not (ours and equals and theirs):
            raise ConfigurationError(
                f"{option} {word!r} is not OURS=THEIRS.", next_step=f"Write for example {option} user_id=customer"
            )
        pairs[ours] = theirs
    return pairs


def _scale(given: str | None) -> tuple[float, float] | None:
    if given is None:
        return None
    try:
        low, high = (float(word) for word in given.split(","))
    except ValueError as error:
        raise ConfigurationError(
            f"--scale {given!r} is not two numbers.", next_step="Write for example --scale 1,10"
        ) from error
    return low, high
