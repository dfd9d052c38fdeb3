"""The passport: everything behind one recommendation."""

import json
from datetime import UTC, datetime

import pytest

from movie_mlops.release import Action, Release, ReleaseError, passport
from tests.fixtures.stage_3.tiny_model import FACTS, write_tiny

RECOMMENDATION = {"recommendation_id": "r1", "user_id": "7", "at": "2026-01-02T00:00:00Z", "items": [{"movie_id": 50}]}


def release_of(bundle_id):
    return Release(
        release_id=3,
        bundle_id=bundle_id,
        model="tiny-model",
        action=Action.PROMOTE,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        until=None,
        reason="better",
        gate={"passed": True, "checks": []},
        approved_by="gate",
        previous_release_id=2,
    )


def test_a_passport_names_everything_behind_an_answer(tmp_path):
    """Answer, release, gate, bundle to the byte, data, features, code and training are on one page of plain data."""
    manifest = write_tiny(tmp_path, facts={**FACTS, "place": "laptop"}).manifest
    page = passport(release_of(manifest.bundle_id), manifest, recommendation=RECOMMENDATION)
    sha256 = page["bundle"].pop("sha256")
    assert sorted(sha256) == ["counts.npy", "movie_ids.npy", "weights.npy"]
    assert all(len(digest) == 64 for digest in sha256.values())
    assert json.loads(json.dumps(page)) == {
        "recommendation": RECOMMENDATION,
        "release": {
            "release_id": 3,
            "bundle_id": manifest.bundle_id,
            "model": "tiny-model",
            "action": "promote",
            "at": "2026-01-01T00:00:00Z",
            "until": None,
            "reason": "better",
            "approved_by": "gate",
            "previous_release_id": 2,
        },
        "gate": {"passed": True, "checks": []},
        "bundle": {"bundle_id": manifest.bundle_id, "model": "tiny-model", "params": {"regularisation": 0.5}},
        "data": {"dataset": "sample", "lake_versions": {"interactions": 3, "movies": 1}, "trained_on": None},
        "features": {"versions": {"film_features": 1}, "read_by_the_model": None},
        "code": {
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "sha256": None,
            "packages": {"numpy": "2.4.0"},
            "machine": None,
        },
        "training": {
            "recipe": None,
            "feedback": None,
            "seed": 20,
            "randomness": None,
            "threads": None,
            "evaluation": {"ndcg@10": 0.25},
        },
        "other": {"place": "laptop"},
    }


def test_what_is_not_known_is_said_to_be_unknown(tmp_path):
    """A fact that the bundle lacks is null in the passport, not missing and not invented."""
    manifest = write_tiny(tmp_path, facts={"dataset": "sample"}).manifest
    page = passport(release_of(manifest.bundle_id), manifest, recommendation=RECOMMENDATION)
    assert page["data"] == {"dataset": "sample", "lake_versions": None, "trained_on": None}
    assert page["code"] == {"commit": None, "sha256": None, "packages": None, "machine": None}


def test_the_manifest_of_another_bundle_is_refused(tmp_path):
    """A passport is never put together from two bundles."""
    manifest = write_tiny(tmp_path).manifest
    with pytest.raises(ReleaseError, match="but the manifest is that of"):
        passport(release_of("tiny-model-000000000000"), manifest, recommendation=RECOMMENDATION)
