"""The parameters of each recommender."""

from movie_mlops.recommenders.config.composed import (
    BlendParams,
    Member,
    RerankParams,
)
from movie_mlops.recommenders.config.deep import (
    SasrecParams,
    VaeParams,
)
from movie_mlops.recommenders.config.reading import Params, read_params
from movie_mlops.recommenders.config.single import (
    ComebackParams,
    ContentEdlaeParams,
    EaseParams,
    EdlaeParams,
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

__all__ = [
    "BlendParams",
    "ComebackParams",
    "ContentEdlaeParams",
    "EaseParams",
    "EdlaeParams",
    "IalsParams",
    "ItemKnnParams",
    "KernelParams",
    "LikedFirstParams",
    "LinearParams",
    "Member",
    "Params",
    "PopularParams",
    "PopularRecentParams",
    "RerankParams",
    "Rp3BetaParams",
    "SasrecParams",
    "SlimParams",
    "SlistParams",
    "SparseEaseParams",
    "VaeParams",
    "read_params",
]
