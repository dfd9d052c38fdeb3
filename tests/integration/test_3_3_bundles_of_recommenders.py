"""Bundles of the real recommenders: each comes back from the disk as it went."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import NAMES, create
from movie_mlops.release import read_bundle, write_bundle
from tests.fixtures.stage_3.keys import SIGNER, trusting
from tests.fixtures.stage_5.models import parameters

USERS, ITEMS = 40, 12
DAY = 86_400


@pytest.fixture(scope="module")
def likes():
    """Forty users who like a third of twelve films each, in steps of one day."""
    generator = np.random.default_rng(20)
    matrix = sparse.csr_matrix((generator.random((USERS, ITEMS)) < 0.33).astype(np.float32))
    times = 1_700_000_000 + DAY * np.arange(matrix.nnz, dtype=np.int64)
    return matrix, times


@pytest.mark.parametrize("name", parameters(sorted(NAMES)))
def test_a_recommender_comes_back_as_it_went(tmp_path, likes, name):
    """Promise P7: fitted twice, a recommender has one bundle; read back, it gives the very same scores."""
    matrix, times = likes
    movie_ids = np.arange(100, 100 + ITEMS)
    written = []
    for _ in range(2):
        model = create(name)
        model.fit(matrix, times=times)
        facts = {"dataset": "literal"}
        written.append(write_bundle(tmp_path, model=model, movie_ids=movie_ids, facts=facts, signer=SIGNER))
    assert written[0].bundle_id == written[1].bundle_id
    assert written[0].bundle_id.startswith(f"{name}-")
    read = read_bundle(written[0].path, trust=trusting(tmp_path))
    assert read.recommender.params == written[0].recommender.params
    assert read.movie_ids.tolist() == list(range(100, 100 + ITEMS))
    np.testing.assert_array_equal(read.recommender.score(matrix), written[0].recommender.score(matrix))
    items, weights = np.array([0, 3], dtype=np.int32), np.ones(2, dtype=np.float32)
    np.testing.assert_array_equal(
        read.recommender.score_one(items, weights), written[0].recommender.score_one(items, weights)
    )
