"""The door: environment variables and ``.env`` become one plain object; nothing else in the platform reads them."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.events.triggers import TriggersConfig
from movie_mlops.features.engines import SparkConfig
from movie_mlops.flows import PlatformConfig
from movie_mlops.flows.tuned import NEEDED, TUNED, TunedSettings
from movie_mlops.ingest import CONTRACTS, IngestConfig
from movie_mlops.monitoring import FreshnessConfig
from movie_mlops.monitoring.drift import DriftConfig
from movie_mlops.monitoring.quality import QualityConfig
from movie_mlops.release import GateConfig
from movie_mlops.release.rollout import RolloutConfig
from movie_mlops.security import FormerToken
from movie_mlops.security.config import SecurityConfig
from movie_mlops.security.sources import given_secrets

if TYPE_CHECKING:
    from movie_mlops.bench.capacity import CapacityConfig
    from movie_mlops.monitoring.notify import NotifyConfig
    from movie_mlops.security.scan import ScanConfig
    from movie_mlops.serving import Rules

T = TypeVar("T")

_LARGEST_FILE = 4 * 1024 * 1024
_MOST_PARTS = 100_000

_SECRETS = Path("/run/secrets")
"""Where containers find secrets: a file for each, called as its variable in small letters. Variables go over them."""


class Settings(BaseSettings):
    """What the environment decides: ``MOVIE_MLOPS_<NAME>``, a line of ``.env``, or a file of a container's secrets."""

    model_config = SettingsConfigDict(env_prefix="MOVIE_MLOPS_", extra="ignore", frozen=True)

    home: Path = Field(default=Path(), description="The folder that holds data, models, experiments, logs and reports.")
    host: str = Field(default="127.0.0.1", description="The address on which the API listens.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port on which the API listens.")
    tls_cert: str | None = Field(
        default=None, description="The certificate with which the API answers by https alone (PEM, with its chain)."
    )
    tls_key: str | None = Field(default=None, description="The certificate's private key (PEM).")
    admin_token: SecretStr | None = Field(
        default=None, description="Whoever holds it may use the routes under /v1/admin; without it they are closed."
    )
    admin_token_before: SecretStr | None = Field(
        default=None, description="The admin token before it, which goes on until it dies."
    )
    admin_token_before_until: AwareDatetime | None = Field(
        default=None, description="When that is, such as 2026-11-30T12:00:00Z."
    )
    tmdb_key: SecretStr | None = Field(
        default=None, description="The key of your TMDB account: the v3 API key or the v4 read access token."
    )
    tmdb_url: str = Field(default="https://api.themoviedb.org/3", description="The address of TMDB's API.")
    lake: str | None = Field(
        default=None, description="Where the lakes are: a folder or s3://bucket/prefix (default: data/lake in home)."
    )
    s3_endpoint: str | None = Field(
        default=None, description="The address of the S3-compatible server of the lake (default: Amazon's own)."
    )
    s3_region: str = Field(default="us-east-1", description="The region of the lake's bucket.")
    s3_access_key_id: SecretStr | None = Field(default=None, description="Who asks for the lake's files on S3.")
    s3_secret_access_key: SecretStr | None = Field(default=None, description="What proves it.")
    state_url: SecretStr | None = Field(
        default=None,
        description="The PostgreSQL that keeps the state, such as postgresql://user:password@localhost:5432/database;"
        " without it, the state is a SQLite file for each data set.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="The Redis that carries copies of what is served, such as redis://localhost:6379/0; without it,"
        " what is served is read from the state database.",
    )
    engine: Literal["local", "spark"] = Field(
        default="local", description="Who does heavy work: this process, or the Spark cluster of config/spark.yaml."
    )
    spark_master: str | None = Field(
        default=None, description="The master of that cluster, in place of the file's: local[*], spark://HOST:PORT …"
    )
    kafka_servers: str | None = Field(
        default=None,
        description="The brokers that carry events to 'movie-mlops worker --source kafka', such as localhost:9092.",
    )
    production: bool = Field(
        default=False,
        description="Models are made from committed code only, and a server starts with nothing that can be guessed.",
    )
    behind_proxy: bool = Field(
        default=False,
        description="A proxy of yours that speaks TLS stands before the API, which nobody reaches past it.",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="What signs bundles: 64 hex digits, or the path of an Ed25519 private key as PEM; without it, a key"
        " is made in data/keys in home on first need.",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="What wraps the keys of encrypted data: 64 hex digits, or the path of a file with them; without it,"
        " one is made in data/keys in home on first need.",
    )
    master_key_before: SecretStr | None = Field(
        default=None, description="The master key before it, while keys are wrapped anew."
    )
    trusted_keys: str | None = Field(
        default=None, description="The list of the keys whose bundles are used (default: data/keys/ in home)."
    )
    access_secret: SecretStr | None = Field(
        default=None,
        description="What API keys and sessions are hashed with: at least 32 characters; without it, it is made in"
        " data/keys in home on first need. With another one every key ends.",
    )
    notify_webhook: SecretStr | None = Field(
        default=None, description="A webhook as Slack has it, which 'movie-mlops monitor watch' tells what goes wrong."
    )
    notify_password: SecretStr | None = Field(
        default=None, description="The password of the user in config/notify.yaml who sends e-mail."
    )
    log_file: str | None = Field(
        default=None, description="The file that 'serve' and 'worker' log to; a file for each process."
    )
    log_format: Literal["json", "text", ""] = Field(
        default="", description="How they log; without a file, to the standard error stream."
    )
    traces: SecretStr | None = Field(
        default=None,
        description="The collector that takes traces of 'serve' and 'worker' (OTLP over HTTP), such as"
        " http://localhost:4318; without it, nothing is traced.",
    )
    traces_ratio: float = Field(
        default=1.0, ge=0, le=1, description="The share of the traces that begin here which is sampled."
    )
    config: Path = Field(default=Path("config"), description="The folder of the configuration files.")

    @field_validator("admin_token_before_until", mode="before")
    @classmethod
    def _is_empty(cls, given: Any) -> Any:
        """Take an empty file or line for none."""
        return None if given == "" else given


class MonitoringSettings(BaseModel):
    """What ``config/monitoring.yaml`` may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drift: DriftConfig = Field(default_factory=DriftConfig, description="What counts as drift.")
    quality: QualityConfig = Field(default_factory=QualityConfig, description="Online quality.")
    freshness: FreshnessConfig = Field(default_factory=FreshnessConfig, description="How old things may be.")


def read_settings() -> Settings:
    """Read the settings of this process.

    Raises:
        ConfigurationError: A variable has a value that cannot be used.
    """
    try:
        environment = os.environ  # noqa: TID251 - this is the door
        secret = [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]
        given = given_secrets(secret, environment)
        # pydantic-settings takes files as arguments that its type does not show.
        return Settings(  # type: ignore[call-arg]
            _env_file=environment.get("MOVIE_MLOPS_ENV_FILE", ".env"),
            _secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
            **given,  # type: ignore[arg-type]
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = "MOVIE_MLOPS_" + str(first["loc"][0]).upper()
        raise ConfigurationError(
            f"{name} cannot be used: {first['msg']}.", next_step="Correct it in the environment or in .env."
        ) from error


def former_token(settings: Settings) -> FormerToken | None:
    """Return the admin token before the present one, where it goes on.

    Raises:
        ConfigurationError: Nobody said until when.
    """
    before, until = settings.admin_token_before, settings.admin_token_before_until
    if before is None or not before.get_secret_value():
        return None
    if until is None:
        raise ConfigurationError(
            "MOVIE_MLOPS_ADMIN_TOKEN_BEFORE would never die.",
            next_step="Set MOVIE_MLOPS_ADMIN_TOKEN_BEFORE_UNTIL, or take the old token away.",
        )
    return FormerToken(before.get_secret_value(), until)


def read_java_home() -> str | None:
    """Return where the environment says that Java is, if it does."""
    return os.environ.get("JAVA_HOME") or None  # noqa: TID251 - this is the door


def read_proxy(url: str) -> str | None:
    """Return the proxy that this machine's settings put between us and ``url``, if any."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


class NamedSource(BaseModel):
    """A source that has a name of its own in ``config/sources.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="What --source would say: movielens:… or file:….")
    columns: dict[str, str] = Field(default_factory=dict, description="Our column name to the file's.")
    movies: Path | None = Field(default=None, description="A second file with the films.")
    movie_columns: dict[str, str] = Field(default_factory=dict, description="The same, for the file of films.")
    users: Path | None = Field(default=None, description="A third file with what is known of the users.")
    user_columns: dict[str, str] = Field(default_factory=dict, description="The same, for the file of users.")
    scale: tuple[float, float] | None = Field(default=None, description="The lowest and the highest rating.")
    dataset: str | None = Field(default=None, description="The data set's name.")


def read_platform_config(path: Path, *, tuned_needed: bool = True) -> PlatformConfig:
    """Read what the project chose; the defaults where there is no such file.

    Args:
        path: The file. Recipes that take tuned settings find them in ``tuned.yaml`` beside it.
        tuned_needed: Whether settings that are not there yet are an error; a search, which finds them, does without.

    Raises:
        ConfigurationError: A file says something that cannot be used, or a recipe takes settings that are not there.
    """
    context = {TUNED: read_tuned(path.with_name("tuned.yaml")), NEEDED: tuned_needed}
    return _read(path, TypeAdapter(PlatformConfig), context)


def read_tuned(path: Path) -> dict[str, TunedSettings]:
    """Read the settings that searches have found; none where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(dict[str, TunedSettings]))


def read_sources(path: Path) -> dict[str, NamedSource]:
    """Read the sources that have names; none where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(dict[str, NamedSource]))


def read_contracts(path: Path) -> IngestConfig:
    """Read what the contracts accept; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    config = _read(path, TypeAdapter(IngestConfig))
    for contract in CONTRACTS.values():
        contract.modes(config)
    return config


def read_gates(path: Path) -> GateConfig:
    """Read what a release must stand up to; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(GateConfig))


def read_rules(path: Path) -> "Rules":
    """Read what the house wants of every list of films; no rule where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    # The API's libraries are loaded only where it is served.
    from movie_mlops.serving import Rules  # noqa: PLC0415

    return _read(path, TypeAdapter(Rules))


def read_spark(path: Path) -> SparkConfig:
    """Read where the Spark cluster is and what it may take; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(SparkConfig))


def read_rollout(path: Path) -> RolloutConfig:
    """Read how releases are rolled out; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(RolloutConfig))


def read_security(path: Path) -> SecurityConfig:
    """Read who comes in, and how much they may ask; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(SecurityConfig))


def read_monitoring(path: Path) -> MonitoringSettings:
    """Read what is watched and what it is held to; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(MonitoringSettings))


def read_triggers(path: Path) -> TriggersConfig:
    """Read when a new model is made without anybody asking; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    return _read(path, TypeAdapter(TriggersConfig))


def read_notify(path: Path) -> "NotifyConfig":
    """Read who is told what goes wrong; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    # What sends e-mail is loaded only where something is watched.
    from movie_mlops.monitoring.notify import NotifyConfig  # noqa: PLC0415

    return _read(path, TypeAdapter(NotifyConfig))


def read_scan(path: Path) -> "ScanConfig":
    """Read what a scan of a project accepts; nothing where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    from movie_mlops.security.scan import ScanConfig  # noqa: PLC0415 - only a scan needs it

    return _read(path, TypeAdapter(ScanConfig))


def read_capacity(path: Path) -> "CapacityConfig":
    """Read what a plan of capacity counts with; the defaults where there is no such file.

    Raises:
        ConfigurationError: The file says something that cannot be used.
    """
    from movie_mlops.bench.capacity import CapacityConfig  # noqa: PLC0415 - only a plan needs it

    return _read(path, TypeAdapter(CapacityConfig))


def _read(path: Path, adapter: TypeAdapter[T], context: Mapping[str, Any] | None = None) -> T:
    try:
        content = _parsed(path)
        _refuse_unknown(path, content, adapter.json_schema(mode="serialization"))
        return adapter.validate_python(content or {}, context=context)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).", next_step="Make it a file.") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise ConfigurationError(f"{path}{line} is not YAML.", next_step="Correct the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "it"
        raise ConfigurationError(
            f"{path} cannot be used: {name}: {first['msg']}.", next_step="Correct the file."
        ) from error


def _parsed(path: Path) -> Any:
    """Return what a file of configuration says.

    Raises:
        ConfigurationError: It is so large, or names its own parts so often, that it cannot be meant.
        yaml.YAMLError: It is no YAML, or wants to be more than plain data.
    """
    if not path.exists():
        return None
    if path.is_file() and path.stat().st_size > _LARGEST_FILE:
        raise ConfigurationError(f"{path} is larger than {_LARGEST_FILE:,} bytes.", next_step="Correct the file.")
    try:
        content = yaml.safe_load(path.read_bytes())
        within = _parts(content, {})
    # YAML lets a list hold itself, and lists in lists without end.
    except RecursionError as error:
        raise ConfigurationError(f"{path} is nested without end.", next_step="Correct the file.") from error
    if within > _MOST_PARTS:
        raise ConfigurationError(
            f"{path} names its own parts so often that it would become {within:,} of them.",
            next_step="Write them out, or correct the file.",
        )
    return content


def _parts(value: Any, known: dict[int, int]) -> int:
    """Return how many parts a document has once each alias is written out; each part is looked at once."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        members = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_parts(member, known) for member in members)
    return known[id(value)]


def _refuse_unknown(path: Path, written: Any, schema: Mapping[str, Any]) -> None:
    """Refuse a key that no setting has, and name the nearest: a misspelt one would otherwise do nothing, silently."""
    definitions = schema.get("$defs", {})

    def walk(value: Any, shape: Mapping[str, Any], place: str) -> None:
        shape = definitions.get(str(shape.get("$ref", "")).rpartition("/")[2], shape)
        if isinstance(value, list):
            for number, member in enumerate(value):
                walk(member, shape.get("items", {}), f"{place}{number}.")
        if not isinstance(value, dict):
            return
        known, others = shape.get("properties", {}), shape.get("additionalProperties")
        for key, member in value.items():
            if key not in known and known and not isinstance(others, dict):
                near = get_close_matches(str(key), known, n=1)
                rather = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
                raise ConfigurationError(f"{path} has the unknown setting {place}{key}.", next_step=rather)
            walk(member, known.get(key) or (others if isinstance(others, dict) else {}), f"{place}{key}.")

    walk(written, schema, "")
