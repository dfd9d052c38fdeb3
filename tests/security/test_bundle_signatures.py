"""Who may vouch for a bundle: signatures of others, under other names, in other spellings, are all refused."""

import shutil
from pathlib import Path

import pytest

from movie_mlops.release import BundleError, SignatureRefusedError, Standing
from movie_mlops.release.signature import sign_manifest
from tests.fixtures.stage_3.keys import SIGNER, STRANGER, trusting
from tests.fixtures.stage_3.tiny_model import read_tiny, write_tiny


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "models").path


def refused(bundle, match="is not|was changed"):
    with pytest.raises(BundleError, match=match) as caught:
        read_tiny(bundle)
    assert "cannot be trusted: signature.json " in caught.value.problem


def test_the_signature_of_another_bundle_is_refused(bundle, tmp_path):
    """Promise P8: a signature by the right key, of another bundle, does not stand for this one."""
    other = write_tiny(tmp_path / "other", scale=2.0).path
    shutil.copy(other / "signature.json", bundle / "signature.json")
    refused(bundle, "is not the signature of this manifest")


def test_the_name_of_a_trusted_key_on_a_strangers_signature_is_refused(bundle):
    """Promise P8: who writes a trusted key beside a signature of their own is found out."""
    manifest = (bundle / "manifest.json").read_bytes()
    forged = sign_manifest(manifest, STRANGER).model_copy(update={"public_key": SIGNER.public_key})
    (bundle / "signature.json").write_bytes(forged.to_bytes())
    refused(bundle, "is not the signature of this manifest")


def test_the_key_of_a_stranger_is_refused_until_it_is_trusted(tmp_path):
    """Promise P8: an unknown key is refused with what would trust it; once trusted, its bundles are read."""
    path = write_tiny(tmp_path / "models", signer=STRANGER).path
    trust = trusting(tmp_path, SIGNER)
    with pytest.raises(SignatureRefusedError, match="which is not trusted here") as caught:
        read_tiny(path, trust=trust)
    assert f"movie-mlops models keys trust {STRANGER.public_key}" in caught.value.next_step
    trust.put(STRANGER.public_key, Standing.TRUSTED, "a colleague")
    assert read_tiny(path, trust=trust).bundle_id == path.name


def test_what_a_retired_key_signed_is_read_and_what_a_revoked_one_signed_is_not(tmp_path):
    """Promise P8: a key that was followed by another is still believed; one that was lost is believed no more."""
    path = write_tiny(tmp_path / "models").path
    trust = trusting(tmp_path)
    trust.put(SIGNER.public_key, Standing.RETIRED, "a new year")
    assert read_tiny(path, trust=trust).bundle_id == path.name
    trust.put(SIGNER.public_key, Standing.REVOKED, "a laptop was stolen")
    with pytest.raises(SignatureRefusedError, match=r"was revoked \(a laptop was stolen\)"):
        read_tiny(path, trust=trust)


def test_where_nobody_is_trusted_nothing_is_read(tmp_path):
    """Promise P8: an empty or missing list trusts nobody; there is no way to read without one."""
    path = write_tiny(tmp_path / "models").path
    with pytest.raises(SignatureRefusedError, match="not trusted here"):
        read_tiny(path, trust=trusting(tmp_path / "empty", STRANGER))


@pytest.mark.parametrize("change", [str.upper, lambda text: text.replace("ed25519", "none"), lambda text: text + " "])
def test_a_signature_in_another_spelling_is_refused(bundle, change):
    """Promise P8: one signature has one spelling, and no other algorithm, not even none."""
    path = bundle / "signature.json"
    path.write_text(change(path.read_text()))
    refused(bundle)
