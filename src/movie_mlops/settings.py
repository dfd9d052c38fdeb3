"""The door: environment variables and ``.env`` become one plain object; nothing else in the platform reads them."""

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from movie_mlops.core.errors import ConfigurationError


class Settings(BaseSettings):
    """What the environment decides; ``MOVIE_MLOPS_<NAME>`` or a line of ``.env``."""

    model_config = SettingsConfigDict(env_prefix="MOVIE_MLOPS_", extra="ignore", frozen=True)

    home: Path = Field(default=Path(), description="The folder that holds data, models, experiments, logs and reports.")
    host: str = Field(default="127.0.0.1", description="The address on which the API listens.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port on which the API listens.")
    admin_token: SecretStr | None = Field(
        default=None, description="Whoever holds it may use the routes under /v1/admin; without it they are closed."
    )
    config: Path = Field(default=Path("config"), description="The folder of the configuration files.")


def read_settings() -> Settings:
    """Read the settings of this process.

    Raises:
        ConfigurationError: A variable has a value that cannot be used.
    """
    try:
        return Settings(_env_file=os.environ.get("MOVIE_MLOPS_ENV_FILE", ".env"))  # noqa: TID251 - this is the door
    except ValidationError as error:
        first = error.errors()[0]
        name = "MOVIE_MLOPS_" + str(first["loc"][0]).upper()
        raise ConfigurationError(
            f"{name} cannot be used: {first['msg']}.", next_step="Correct it in the environment or in .env."
        ) from error
