"""A model answers a live user as it answers in batch: events in SQLite, a bundle on disk, films in the lake."""

from pathlib import Path

import numpy as np
import pytest

from movie_mlops.core.nouns import Kind
from movie_mlops.evaluation import Feedback
from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories, feedback
from movie_mlops.ingest import load_events
from movie_mlops.lake import INTERACTIONS, Lake, LakeConfig
from movie_mlops.recommenders import NAMES, create, top_k
from movie_mlops.release import read_bundle, write_bundle
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did
from tests.fixtures.stage_3.keys import SIGNER, trusting
from tests.fixtures.stage_5.models import parameters

CONFIG = FeedbackConfig(against={Kind.DISLIKE: 0.5})
USERS, FILMS, K = 40, 25, 10


@pytest.mark.parametrize("name", parameters(sorted(NAMES)))
def test_a_live_answer_is_the_batch_answer(tmp_path: Path, state_url: str, name: str) -> None:
    """Promise P5: one user's history from the online store gives the scores and the ten films that the batch gives.

    Dislikes speak against films.
    """
    generator = np.random.default_rng(20)
    database = Database(StateConfig(state_url))
    histories = Histories(database)
    said = [
        did(f"u{user:02}", 1000 + int(film), "like" if film % 5 else "dislike", at=float(when))
        for user in range(USERS)
        for when, film in enumerate(generator.choice(FILMS, size=6, replace=False))
    ]
    EventLog(database, histories, CONFIG).append(said)
    lake = Lake(LakeConfig(tmp_path / "lake"))
    load_events(said, lake)

    known = Feedback.of(feedback(lake.scan(INTERACTIONS), CONFIG))
    matrix, times = known.training()
    model = create(name)
    model.fit(matrix, times=times)
    path = write_bundle(tmp_path / "models", model=model, movie_ids=known.movie_ids, facts={}, signer=SIGNER).path
    bundle = read_bundle(path, trust=trusting(tmp_path))

    speaks = known.weights != 0
    said_of = known.matrix(speaks, np.arange(len(known.user_ids)))
    assert known.times is not None
    batch = bundle.recommender.score(said_of, times=known.times[speaks])
    lists = top_k(batch, K, exclude=said_of)
    items = {movie_id: item for item, movie_id in enumerate(bundle.movie_ids.tolist())}
    for row, user in enumerate(known.user_ids):
        history = histories.read(user)
        counts = history.weights != 0
        places = np.array([items[film] for film in history.movie_ids[counts].tolist()], dtype=np.int32)
        live = bundle.recommender.score_one(places, history.weights[counts], times=history.times[counts])
        np.testing.assert_allclose(live, batch[row], rtol=1e-4, atol=1e-5)
        ranked = np.where(np.isin(np.arange(live.size), places), -np.inf, live)
        shown = np.argsort(-ranked, kind="stable")[:K]
        # Films of (nearly) equal score may change places; the scores of the two lists may not.
        np.testing.assert_allclose(live[shown], batch[row][lists[row]], rtol=1e-4, atol=1e-5)
