"""``config/tuned.yaml``: settings that a search found, each with the run that found it."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from movie_mlops.core import report_page
from movie_mlops.recommenders import RecommenderError, create

TUNED: Final = "tuned"
"""What a recipe says instead of its parameters, or as one of them, to have those of ``config/tuned.yaml``."""

NEEDED: Final = "needed"
"""Under this name, whoever reads recipes says whether the settings that they take must be there."""

_HEAD: Final = """\
# Settings that a search found, each with the run that found it; written by 'movie-mlops tune --save'.
# A recipe of config/platform.yaml takes one as  params: tuned  (that of its own name)  or  params: {tuned: NAME}.
"""


class Found(BaseModel):
    """The run that found a setting."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str = Field(description="The command line.")
    at: datetime = Field(description="When it ended.")
    study: str = Field(description="The study, a file of experiments/tuning/.")
    run: str | None = Field(default=None, description="Every setting that was tried: a file beside config/tuned.yaml.")
    seed: int = Field(description="Of the split and of what was proposed.")
    tried: int = Field(description="Settings that were tried.")
    metric: str = Field(description="The metric that decided.")
    value: float = Field(description="Its mean over the judged users of the validation split.")
    low: float = Field(description="Lower end of its interval.")
    high: float = Field(description="Upper end of its interval.")
    users: int = Field(description="How many users were judged.")
    data: str = Field(description="The data set, or the folder of given folds.")
    split: str = Field(description="How the training part was split.")
    data_sha256: str = Field(description="SHA-256 of what was learned from and judged on.")
    code_commit: str | None = Field(description="The commit of the code, with +changes where files differed.")


class TunedSettings(BaseModel):
    """A recommender, the parameters that were found for it, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="The recommender.")
    params: dict[str, Any] = Field(description="Its parameters; the rest keep their defaults.")
    found: Found = Field(description="The run that found them.")

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        try:
            create(self.model, self.params)
        except RecommenderError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return self


def with_tuned(
    model: str, params: Mapping[str, Any], tuned: Mapping[str, TunedSettings], *, needed: bool = True
) -> dict[str, Any]:
    """Return a recipe's parameters with what it takes from ``config/tuned.yaml`` filled in; its own go over that.

    Args:
        model: The recipe's recommender.
        params: Its parameters; ``tuned`` among them names the settings.
        tuned: What the file holds.
        needed: Whether settings that are not there yet are an error; a search, which finds them, does without.

    Raises:
        ValueError: There are no settings of that name, or they are another recommender's.
    """
    if TUNED not in params:
        return dict(params)
    name = params[TUNED]
    settings = tuned.get(str(name))
    if settings is None and not needed:
        return {key: value for key, value in params.items() if key != TUNED}
    if settings is None:
        there = f"there are {', '.join(tuned)}" if tuned else "there are none"
        message = f"config/tuned.yaml has no settings {name!r} ({there}); find some: movie-mlops tune {name} --save"
        raise ValueError(message)
    if settings.model != model:
        message = f"the settings {name!r} of config/tuned.yaml are those of {settings.model}, not of {model}"
        raise ValueError(message)
    return {**settings.params, **{key: value for key, value in params.items() if key != TUNED}}


def write_run(path: Path, document: Mapping[str, Any]) -> None:
    """Write what a search has tried, one setting a line; the file appears whole or not at all.

    Args:
        path: The JSON file.
        document: What the search's report shows.
    """
    head = {name: value for name, value in document.items() if name != "trials"}
    trials = ({name: value for name, value in one.items() if name != "steps"} for one in document["trials"])
    lines = ",\n".join(json.dumps(one) for one in trials)
    path.parent.mkdir(parents=True, exist_ok=True)
    report_page.write_whole(path, f'{json.dumps(head, indent=2)[:-2]},\n  "trials": [\n{lines}\n  ]\n}}\n')


def write_tuned(path: Path, settings: Mapping[str, TunedSettings]) -> None:
    """Write the file anew; it appears whole or not at all."""
    plain = {name: one.model_dump(mode="json") for name, one in sorted(settings.items())}
    report_page.write_whole(path, _HEAD + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120))
