"""What a passport says is enough to make the model again, to the byte."""

from pathlib import Path
from typing import Any

import pytest

from movie_mlops.evaluation import Feedback
from movie_mlops.features import FeedbackConfig, feedback
from movie_mlops.lake import INTERACTIONS, Lake, LakeConfig, compact
from movie_mlops.recommenders import create
from movie_mlops.release import Bundle, Ledger, passport, read_bundle, write_bundle
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did, table
from tests.fixtures.stage_3.keys import SIGNER, trusting

CONFIG = FeedbackConfig()


def opinions(users: range) -> list[Any]:
    return [did(f"u{user}", (user * step) % 11, "like", at=step) for user in users for step in (1, 2, 3)]


def trained(folder: Path, lake: Lake, version: int, model: str, params: dict[str, Any]) -> Bundle:
    known = Feedback.of(feedback(lake.scan(INTERACTIONS, version=version), CONFIG))
    matrix, times = known.training()
    made = create(model, params)
    made.fit(matrix, times=times)
    facts = {"dataset": "tiny", "lake_versions": {INTERACTIONS: version}, "seed": None}
    return write_bundle(folder, model=made, movie_ids=known.movie_ids, facts=facts, signer=SIGNER)


@pytest.mark.parametrize("model", ["ease", "ials", "item-knn"])
def test_a_passport_is_enough_to_make_the_model_again(tmp_path: Path, model: str) -> None:
    """Promise P7: long after, from the lake's version and the parameters of a passport, comes the very same bundle."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    version = lake.append(INTERACTIONS, table(opinions(range(30))).collect())
    ledger = Ledger(Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}")))
    params = {"factors": 4} if model == "ials" else {}
    bundle = trained(tmp_path / "models", lake, version, model, params)
    ledger.promote(bundle.bundle_id, reason="first", gate={"passed": True}, approved_by="gate", expected=None)

    # The world goes on: more data, and the table is rewritten.
    lake.append(INTERACTIONS, table(opinions(range(30, 60))).collect())
    compact(lake, INTERACTIONS)

    champion = Ledger(Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))).champion()
    assert champion is not None
    manifest = read_bundle(tmp_path / "models" / champion.bundle_id, trust=trusting(tmp_path)).manifest
    page = passport(champion, manifest, recommendation={"recommendation_id": "r1"})
    again = trained(
        tmp_path / "elsewhere",
        Lake(LakeConfig(tmp_path / "lake")),
        page["data"]["lake_versions"][INTERACTIONS],
        page["bundle"]["model"],
        page["bundle"]["params"],
    )
    assert again.bundle_id == bundle.bundle_id
    assert {file.file: file.sha256 for file in again.manifest.files().values()} == page["bundle"]["sha256"]
    # The check can fail: from the newest data comes another model.
    newest = trained(tmp_path / "newest", lake, lake.version(INTERACTIONS) or 0, model, params)
    assert newest.bundle_id != bundle.bundle_id
