"""A variational autoencoder for histories: trained by PyTorch, stored and answered with as plain arrays.

References:
    D. Liang, R. Krishnan, M. Hoffman, T. Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018
    (Mult-VAE: a multinomial likelihood, and a part of the history hidden from the encoder).
    I. Shenbin, A. Alekseev, E. Tutubalina, V. Malykh, S. Nikolenko, "RecVAE", WSDM 2020 (a prior that pulls the more
    the longer the history; normed swish layers in the encoder; a decoder of one linear layer).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import VaeParams
from movie_mlops.recommenders.extras import require_torch
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.neural import cosines, layer_norm, log_lift, silu
from movie_mlops.recommenders.occlusion import OccludedRecommender
from movie_mlops.recommenders.stored import Arrays, Layout


class VaeRecommender(OccludedRecommender):
    """The code of a history is ``z = norm(silu(x̂ W + b)) M + m``, x̂ being the history at length 1; ``z Dᵀ + d`` scores.

    A score is the logarithm of how many times likelier than by an even chance the film is.
    """

    name = "vae"
    capabilities = Capabilities(
        personalised=True, needs_times=False, similar=True, explains=True, additive=False, libraries=("torch",)
    )
    params_type = VaeParams
    params: VaeParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        require_torch(self.name)
        # Imported here: PyTorch is an extra, and is only needed to train.
        from movie_mlops.recommenders.vae_training import train_vae  # noqa: PLC0415

        return train_vae(training.matrix, self.params, advance, self._after_step)

    def _layout(self, n_known: int) -> Layout:
        hidden, factors = self.params.hidden, self.params.factors
        shapes = {
            "encoder": (n_known, hidden),
            "encoder_bias": (hidden,),
            "norm_scale": (hidden,),
            "norm_shift": (hidden,),
            "code": (hidden, factors),
            "code_bias": (factors,),
            "decoder": (n_known, factors),
            "decoder_bias": (n_known,),
        }
        return {name: (np.float32, shape) for name, shape in shapes.items()}

    def _adopt(self, learned: Arrays) -> None:
        self._arrays: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(array) for name, array in learned.items()}

    def _answer(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:  # noqa: ARG002  # order says nothing
        arrays = self._arrays
        lengths = np.sqrt(np.asarray(histories.multiply(histories).sum(axis=1), np.float32))
        summed = (histories @ arrays["encoder"]) / np.maximum(lengths, np.finfo(np.float32).tiny)[:, np.newaxis]
        hidden = layer_norm(silu(summed + arrays["encoder_bias"]), arrays["norm_scale"], arrays["norm_shift"])
        codes = hidden @ arrays["code"] + arrays["code_bias"]
        return log_lift(codes @ arrays["decoder"].T + arrays["decoder_bias"])

    def _similar(self, item: int) -> NDArray[np.float32]:
        """Cosine of the two films' rows of the decoder: what is recommended to the same people."""
        return cosines(self._arrays["decoder"], item)

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        params = self.params
        numbers = (n_items + 2 * params.factors) * params.hidden + n_items * (params.factors + 1)
        # Each parameter with its gradient and two averages, and once more as a result; then what a step holds.
        batch = min(params.batch, n_users)
        step = batch * (4 * n_items + 8 * params.hidden) * 4 + 64 * nnz * batch // max(1, n_users)
        return 24 * numbers + 12 * nnz + 24 * n_users + step
