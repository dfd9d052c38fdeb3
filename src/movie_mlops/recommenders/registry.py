"""Recommenders by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from numpy.typing import NDArray

from movie_mlops.recommenders.blend import BlendRecommender
from movie_mlops.recommenders.comeback import ComebackRecommender
from movie_mlops.recommenders.config import read_params
from movie_mlops.recommenders.content import ContentEdlaeRecommender
from movie_mlops.recommenders.errors import UnknownRecommenderError
from movie_mlops.recommenders.ials import IalsRecommender
from movie_mlops.recommenders.item_knn import ItemKnnRecommender
from movie_mlops.recommenders.kernel import KernelRecommender
from movie_mlops.recommenders.linear import EaseRecommender, EdlaeRecommender
from movie_mlops.recommenders.popular import LikedFirstRecommender, PopularRecentRecommender, PopularRecommender
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.rerank import RerankRecommender
from movie_mlops.recommenders.rp3_beta import Rp3BetaRecommender
from movie_mlops.recommenders.sasrec import SasrecRecommender
from movie_mlops.recommenders.slim import SlimRecommender
from movie_mlops.recommenders.slist import SlistRecommender
from movie_mlops.recommenders.space import Space
from movie_mlops.recommenders.sparse_ease import SparseEaseRecommender
from movie_mlops.recommenders.vae import VaeRecommender

_RECOMMENDERS: tuple[type[Recommender], ...] = (
    PopularRecommender,
    PopularRecentRecommender,
    LikedFirstRecommender,
    ItemKnnRecommender,
    Rp3BetaRecommender,
    SlimRecommender,
    SparseEaseRecommender,
    EaseRecommender,
    EdlaeRecommender,
    ContentEdlaeRecommender,
    IalsRecommender,
    KernelRecommender,
    SlistRecommender,
    ComebackRecommender,
    VaeRecommender,
    SasrecRecommender,
    BlendRecommender,
    RerankRecommender,
)

NAMES = tuple(recommender.name for recommender in _RECOMMENDERS)
"""The names of all recommenders, from the plainest."""


def create(name: str, params: Mapping[str, object] | None = None) -> Recommender:
    """Return a new recommender, not yet trained.

    Args:
        name: One of `NAMES`.
        params: Its parameters by name; a parameter that is left out has its default.

    Raises:
        UnknownRecommenderError: There is none of that name.
        ParameterError: A parameter is unknown, of the wrong type or out of range.
    """
    recommender = _find(name)
    return recommender(read_params(recommender.params_type, params or {}))


def restore(name: str, params: Mapping[str, object], arrays: Mapping[str, NDArray[Any]]) -> Recommender:
    """Return the trained recommender that `Recommender.arrays` described.

    Raises:
        UnknownRecommenderError: There is none of that name.
        ParameterError: ``params`` do not fit.
        RestoreError: ``arrays`` are not those that this recommender writes.
    """
    return _find(name).restore(params, arrays)


def search_space(name: str, params: Mapping[str, object] | None = None) -> Space:
    """Return where good parameters of a recommender may lie; empty where it has none to search.

    Args:
        name: One of `NAMES`.
        params: Its parameters, on which it may depend: each member of a blend has a weight.

    Raises:
        UnknownRecommenderError: There is none of that name.
        ParameterError: The parameters do not fit.
    """
    return create(name, params).params.space


def _find(name: str) -> type[Recommender]:
    for recommender in _RECOMMENDERS:
        if recommender.name == name:
            return recommender
    near = get_close_matches(name, NAMES, n=1, cutoff=0.5)
    raise UnknownRecommenderError(
        f"There is no recommender named {name!r}.",
        next_step=f"Did you mean {near[0]!r}?" if near else f"Use one of {', '.join(NAMES)}.",
    )
