"""The parameters of any recommender, and how they are read from plain values."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches

from movie_mlops.recommenders.config.composed import BlendParams, Member
from movie_mlops.recommenders.config.deep import SasrecParams, VaeParams
from movie_mlops.recommenders.config.single import (
    ComebackParams,
    IalsParams,
    ItemKnnParams,
    KernelParams,
    LikedFirstParams,
    LinearParams,
    PopularParams,
    PopularRecentParams,
    Rp3BetaParams,
    SlimParams,
    SlistParams,
)
from movie_mlops.recommenders.config.sparse import SparseEaseParams
from movie_mlops.recommenders.errors import ParameterError

Params = (
    PopularParams
    | PopularRecentParams
    | LikedFirstParams
    | ItemKnnParams
    | Rp3BetaParams
    | SlimParams
    | SparseEaseParams
    | LinearParams
    | IalsParams
    | KernelParams
    | SlistParams
    | ComebackParams
    | VaeParams
    | SasrecParams
    | BlendParams
)
"""The parameters of any recommender."""


def read_params(params_type: type[Params], values: Mapping[str, object]) -> Params:
    """Return parameters from plain values, as a configuration file or a manifest holds them.

    Raises:
        ParameterError: A name is unknown, or a value is of the wrong type or out of range.
    """
    return params_type(**_typed(params_type, values))  # type: ignore[arg-type]  # each value has just got its field's type


def _typed(params_type: type, values: Mapping[str, object]) -> dict[str, object]:
    known = {field.name: field.type for field in fields(params_type)}
    typed: dict[str, object] = {}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It knows: {', '.join(known) or 'no parameter at all'}."
            raise ParameterError(f"{params_type.__name__} has no parameter {name!r}.", next_step=hint)
        if name == "store_features":
            typed[name] = _names(value)
        else:
            typed[name] = _members(value) if name == "members" else _number(name, value, whole=known[name] is int)
    return typed


def _members(value: object) -> tuple[Member, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) and "model" in one for one in value):
        raise ParameterError(
            "The members of a blend are not a list of models.",
            next_step="Write for example: members: [{model: ease, weight: 1.0, params: {regularisation: 300}}]",
        )
    return tuple(_member(one) for one in value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
        raise ParameterError(
            "The store_features are not a list of names.",
            next_step="Write for example: store_features: [film_features:likes_30d, match_features:genre_match]",
        )
    return tuple(value)


def _member(value: Mapping[str, object]) -> Member:
    unknown = sorted(set(value) - {field.name for field in fields(Member)})
    params = value.get("params", {})
    if unknown or not isinstance(params, Mapping):
        raise ParameterError(
            f"The member {value['model']!r} of a blend has {', '.join(unknown) or 'params that are no mapping'}.",
            next_step="Give each member its model, and if you like a weight and params.",
        )
    weight = float(_number("weight", value.get("weight", 1.0), whole=False))
    return Member(str(value["model"]), weight, dict(params))


def _number(name: str, value: object, *, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and not float(value).is_integer()):
        raise ParameterError(
            f"{name} is {value!r}.", next_step=f"Give a {'whole number' if whole else 'number'} without quotes."
        )
    return int(value) if whole else float(value)
