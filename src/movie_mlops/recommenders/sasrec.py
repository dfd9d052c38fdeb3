"""A sequential model: what comes next after films in their order, trained by PyTorch, answered with by plain arrays.

References:
    W.-C. Kang, J. McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018 (SASRec).
    A. Klenitskiy, A. Vasilev, "Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023
    (trained with the softmax over all films).
    J. Li, Y. Wang, J. McAuley, "Time Interval Aware Self-Attention for Sequential Recommendation", WSDM 2020 (TiSASRec:
    how long ago a film was met counts, not only its place).
    N. Pancha, A. Zhai, J. Leskovec, C. Rosenberg, "PinnerFormer", KDD 2022 (any of the next films is a target).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import SasrecParams
from movie_mlops.recommenders.extras import require_torch
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.neural import layer_norm, log_lift, silu
from movie_mlops.recommenders.occlusion import OccludedRecommender
from movie_mlops.recommenders.sequences import BUCKETS, UNKNOWN, in_order, rank_buckets, time_buckets
from movie_mlops.recommenders.stored import Arrays, Layout


class SasrecRecommender(OccludedRecommender):
    """One block of self-attention, in which the latest film of a history looks back at all of it.

    How much it sees of a film depends on both films, on how many lie between, and on how long ago it was. Where no
    time of a history is known, each of its films looks at all others in turn, without any distance, and the answers
    are averaged: the history is then a set, and such sets are a part of the training.

    A score is the logarithm of how many times likelier than by an even chance the film is among the next ones.
    """

    name = "sasrec"
    capabilities = Capabilities(
        personalised=True,
        needs_times=True,
        similar=True,
        explains=True,
        reads_times=True,
        additive=False,
        libraries=("torch",),
    )
    params_type = SasrecParams
    params: SasrecParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        require_torch(self.name)
        # Imported here: PyTorch is an extra, and is only needed to train.
        from movie_mlops.recommenders.sasrec_training import train_sasrec  # noqa: PLC0415

        return train_sasrec(training, self.params, advance, self._after_step)

    def _layout(self, n_known: int) -> Layout:
        size, heads = self.params.factors, self.params.heads
        shapes = {
            "vectors": (n_known, size),
            "popularity": (n_known,),
            **dict.fromkeys(("queries", "keys", "values", "mix"), (size, size)),
            **dict.fromkeys(("rank_bias", "time_bias"), (heads, BUCKETS)),
            "widen": (size, 2 * size),
            "widen_bias": (2 * size,),
            "narrow": (2 * size, size),
            "narrow_bias": (size,),
            **{f"{name}_{part}": (size,) for name in ("film", "inner", "outer") for part in ("scale", "shift")},
        }
        return {name: (np.float32, shape) for name, shape in shapes.items()}

    def _adopt(self, learned: Arrays) -> None:
        self._arrays: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(array) for name, array in learned.items()}
        normed = self._norm(self._arrays["vectors"], "film")
        heads = (len(normed), self.params.heads, -1)
        # What a film asks, how it answers and what it says is the same in every history.
        size = self.params.factors // self.params.heads
        self._queries = (normed @ self._arrays["queries"]).reshape(heads) / np.float32(size**0.5)
        self._keys = (normed @ self._arrays["keys"]).reshape(heads)
        self._values = (normed @ self._arrays["values"]).reshape(heads)
        # A film alone sees nothing but itself.
        found = self._values.reshape(len(normed), -1)
        self._alone = self._tell(self._arrays["vectors"], found)

    def _answer(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        told = np.zeros((histories.shape[0], self.params.factors), np.float32)
        for user, (start, stop) in enumerate(zip(histories.indptr[:-1], histories.indptr[1:], strict=True)):
            if stop > start:
                stamps = None if times is None else times[start:stop]
                told[user] = self._read(histories.indices[start:stop], histories.data[start:stop], stamps)
        return log_lift(told @ self._arrays["vectors"].T + self._arrays["popularity"])

    def _read(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Return what is told of one history: (factors,)."""
        if times is None or times.max() < 0:
            everyone = np.full((len(items), len(items)), UNKNOWN)
            told: NDArray[np.float32] = self._look(items, items, weights, everyone, everyone).mean(axis=0)
            return told
        order = in_order(items, times)[-self.params.length :]
        stamps = times[order]
        ranks = rank_buckets(np.arange(len(order))[::-1])[np.newaxis]
        gaps = time_buckets(stamps[-1:], stamps)[np.newaxis]
        latest: NDArray[np.float32] = self._look(items[order[-1:]], items[order], weights[order], ranks, gaps)[0]
        return latest

    def _look(
        self,
        asking: NDArray[np.int32],
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        ranks: NDArray[np.int64],
        gaps: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Return what each of the asking films makes of a history: (asking, factors)."""
        arrays = self._arrays
        closeness = np.einsum("qhd,khd->hqk", self._queries[asking], self._keys[items])
        closeness += arrays["rank_bias"][:, ranks] + arrays["time_bias"][:, gaps] + np.log(weights)
        closeness -= closeness.max(axis=2, keepdims=True)
        attention = np.exp(closeness)
        attention /= attention.sum(axis=2, keepdims=True)
        found = np.einsum("hqk,khd->qhd", attention, self._values[items]).reshape(len(asking), -1)
        return self._tell(arrays["vectors"][asking], found)

    def _tell(self, asking: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what films make of what they found: (asking, factors)."""
        arrays = self._arrays
        looked = asking + found @ arrays["mix"]
        wide = silu(self._norm(looked, "inner") @ arrays["widen"] + arrays["widen_bias"])
        return self._norm(looked + wide @ arrays["narrow"] + arrays["narrow_bias"], "outer")

    def _norm(self, values: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        return layer_norm(values, self._arrays[f"{name}_scale"], self._arrays[f"{name}_shift"])

    def _similar(self, item: int) -> NDArray[np.float32]:
        """What comes next after the one film alone, beyond what comes next after any."""
        similarity: NDArray[np.float32] = self._arrays["vectors"] @ (self._alone[item] - self._alone.mean(axis=0))
        return similarity

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        params = self.params
        numbers = n_items * (params.factors + 1) + 8 * params.factors**2
        batch = min(params.batch, n_users)
        looks = batch * params.targets * (params.length + 1) * (8 * params.heads + 8)
        step = 4 * (batch * params.targets * 3 * n_items + batch * (params.length + 1) * 24 * params.factors + looks)
        return 24 * numbers + 16 * nnz + step
