"""A release whose bundle nobody vouches for, or that was altered, under a running server: what serves goes on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from movie_mlops.release import Standing, read_manifest, sign_bundle
from movie_mlops.release.signature import sign_manifest
from tests.fixtures.stage_3.keys import STRANGER
from tests.fixtures.stage_5.platform import ADMIN, Platform

HISTORY = {"history": [{"movie_id": 6, "kind": "like"}]}


def flipped(name: str) -> Callable[[Platform, Path, Path], None]:
    def spoil(_platform: Platform, _good: Path, bad: Path) -> None:
        content = bytearray((bad / name).read_bytes())
        content[len(content) // 2] ^= 1
        (bad / name).write_bytes(content)

    return spoil


def unsigned(_platform: Platform, _good: Path, bad: Path) -> None:
    (bad / "signature.json").unlink()


def signed_by_a_stranger(_platform: Platform, _good: Path, bad: Path) -> None:
    (bad / "signature.json").write_bytes(sign_manifest(read_manifest(bad).to_bytes(), STRANGER).to_bytes())


def signed_as_another(_platform: Platform, good: Path, bad: Path) -> None:
    shutil.copy(good / "signature.json", bad / "signature.json")


SPOILT = {
    "no signature": unsigned,
    "a stranger's signature": signed_by_a_stranger,
    "another bundle's signature": signed_as_another,
    "a flipped byte of the signature": flipped("signature.json"),
    "a flipped byte of the manifest": flipped("manifest.json"),
    "a flipped byte of an array": flipped("weights.npy"),
    "a flipped byte of the movie ids": flipped("movie_ids.npy"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_serves_goes_on_when_a_release_is_refused(tmp_path: Path, how: str) -> None:
    """Promise P8: a released bundle that is unsigned or altered never answers; the one before goes on."""
    platform = Platform(tmp_path)
    good = platform.train()
    platform.promote(good)
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        bad = platform.train("ease", regularisation=50.0)
        SPOILT[how](platform, platform.bundles / good, platform.bundles / bad)
        platform.promote(bad)
        state = client.post("/v1/admin/reload", headers=ADMIN).json()
        assert state["failure"]["code"] in {"bundle", "signature"}
        assert bad in state["failure"]["problem"]
        answer = client.post("/v1/recommendations", json=HISTORY).json()
        assert (answer["source"], answer["release"]["bundle_id"]) == ("personalised", good)


def test_a_key_that_is_revoked_counts_no_more_for_a_running_server(tmp_path: Path) -> None:
    """Promise P8: the list of keys is read anew for each release; signed by another key, the bundle serves."""
    platform = Platform(tmp_path)
    good, later = platform.train(), platform.train("ease", regularisation=50.0)
    platform.promote(good)
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        platform.keys.trust.put(platform.keys.signer().public_key, Standing.REVOKED, "lost")
        platform.promote(later)
        state = client.post("/v1/admin/reload", headers=ADMIN).json()
        assert (state["failure"]["code"], state["serving"]["bundle_id"]) == ("signature", good)
        sign_bundle(platform.bundles / later, platform.keys.renew()[0])
        state = client.post("/v1/admin/reload", headers=ADMIN).json()
        assert (state["failure"], state["serving"]["bundle_id"]) == (None, later)
