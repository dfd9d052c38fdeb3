"""The key that signs and the list of trusted ones: made on first need, kept from others, followed by new ones."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from movie_mlops.cli import door
from movie_mlops.release import KeyRefusedError, Keys, KeysConfig, SigningKey, Standing, TrustList, key_id
from movie_mlops.release.signature import sign_manifest
from tests.fixtures.stage_3.keys import SIGNER, STRANGER, trusting
from tests.fixtures.stage_3.processes import python
from tests.fixtures.stage_3.tiny_model import read_tiny, write_tiny

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = "ab" * 32

MAKE = """
import sys
from pathlib import Path
from movie_mlops.release import Keys, KeysConfig
print(Keys(KeysConfig(Path(sys.argv[1]))).signer().public_key)
"""


def test_the_first_need_makes_a_key_that_only_its_owner_reads(tmp_path):
    """With no configuration a key is made, kept from others, and trusted here; it is the same the next time."""
    first = Keys(KeysConfig(tmp_path / "keys")).signer()
    assert first.made == tmp_path / "keys" / "signing-key.pem"
    assert stat.S_IMODE(first.made.stat().st_mode) == 0o600
    again = Keys(KeysConfig(tmp_path / "keys"))
    assert again.signer().made is None
    assert again.signer().public_key == first.public_key
    assert [(key.key_id, key.standing) for key in again.trust.listed()] == [(key_id(first.public_key), "trusted")]


def test_processes_that_need_a_key_at_once_share_one(tmp_path):
    """Two first runs at the same time end with one key, and both sign with it."""
    started = [python(MAKE, str(tmp_path / "keys")) for _ in range(3)]
    said = {process.communicate(timeout=60)[0].strip() for process in started}
    assert len(said) == 1
    assert len(TrustList(tmp_path / "keys" / "trusted-keys.json").listed()) == 1
    assert not list((tmp_path / "keys").glob(".signing-key*"))


def test_a_key_from_the_settings_is_64_digits_or_a_file(tmp_path):
    """The same key as digits, as a file of digits and as PEM; none is written anywhere, and none shows itself."""
    made = Keys(KeysConfig(tmp_path / "made")).signer().made
    (tmp_path / "seed").write_text(SEED + "\n")
    for given, public_key in (
        (SEED, SigningKey.of_seed(SEED).public_key),
        (str(tmp_path / "seed"), SigningKey.of_seed(SEED).public_key),
        (str(made), SigningKey.read(made, next_step="-").public_key),
    ):
        config = KeysConfig(tmp_path / "keys", signing_key=given)
        assert SEED not in repr(config)
        assert Keys(config).signer().public_key == public_key
    assert [path.name for path in (tmp_path / "keys").iterdir() if path.suffix == ".pem"] == []


@pytest.mark.parametrize(
    "content", [b"", b"secret words", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff" * 64]
)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, content):
    """A file that holds no Ed25519 key is named; what it holds is not."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(KeyRefusedError, match=r"file cannot be read.*openssl genpkey") as caught:
        Keys(KeysConfig(tmp_path, signing_key=str(tmp_path / "file"))).signer()
    assert "secret words" not in str(caught.value)


def test_a_key_that_others_may_read_does_not_sign(tmp_path):
    """A key that was made here and was opened to others since is refused, with what to do."""
    keys = Keys(KeysConfig(tmp_path))
    keys.signer()
    keys.own_file.chmod(0o644)
    with pytest.raises(KeyRefusedError, match=r"Others than its owner may read.*chmod 600"):
        keys.signer()


def test_a_new_key_follows_and_what_the_old_one_signed_stays_readable(tmp_path):
    """Rotation: the old key is retired and gone, the new one signs, and bundles of both are read."""
    keys = Keys(KeysConfig(tmp_path / "keys"))
    old = write_tiny(tmp_path / "models", signer=keys.signer()).path
    before = keys.signer().public_key
    signer, retired = keys.renew()
    assert retired is not None
    assert retired.public_key == before != signer.public_key
    new = write_tiny(tmp_path / "models", scale=2.0, signer=keys.signer()).path
    for path in (old, new):
        assert read_tiny(path, trust=keys.trust).bundle_id == path.name
    assert [key.standing for key in keys.trust.listed()] == ["retired", "trusted"]


@pytest.mark.parametrize("standing", [Standing.RETIRED, Standing.REVOKED])
def test_a_key_that_was_retired_or_revoked_signs_no_more(tmp_path, standing):
    """A key in the settings that the list retires does not come back by signing."""
    keys = Keys(KeysConfig(tmp_path, signing_key=SEED))
    keys.trust.put(keys.signer().public_key, standing, "time is over")
    with pytest.raises(KeyRefusedError, match=rf"was {standing}, and signs no more"):
        keys.signer()


def test_a_revoked_key_stays_revoked(tmp_path):
    """Nobody makes a lost key good again by trusting it once more."""
    trust = trusting(tmp_path)
    trust.put(SIGNER.public_key, Standing.REVOKED, "lost")
    with pytest.raises(KeyRefusedError, match=r"was revoked \(lost\), and stays so"):
        trust.put(SIGNER.public_key, Standing.TRUSTED, "found again")


def test_a_key_is_found_by_the_beginning_of_its_name(tmp_path):
    """A key is named by a unique beginning; nothing, and everything, name none."""
    trust = trusting(tmp_path, SIGNER, STRANGER)
    assert trust.named(key_id(SIGNER.public_key)[:6]).public_key == SIGNER.public_key
    for name in ("", "zz"):
        with pytest.raises(KeyRefusedError, match="No key is called"):
            trust.named(name)


@pytest.mark.parametrize("text", ["", "[", '{"keys": []}', '[{"public_key": 3}]', "\ud800"])
def test_a_damaged_list_trusts_nobody(tmp_path, text):
    """Promise P8: where the list cannot be read nothing is, and the sentence names it."""
    trust = trusting(tmp_path)
    trust.path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(KeyRefusedError, match=r"trusted-keys\.json cannot be read"):
        read_tiny(write_tiny(tmp_path / "models").path, trust=trust)


def test_signing_again_with_another_key_changes_the_signature_and_nothing_else(tmp_path):
    """Promise P7: whoever signs, a bundle keeps its id and the bytes of everything but its signature."""
    first = write_tiny(tmp_path / "one")
    second = write_tiny(tmp_path / "two", signer=STRANGER)
    assert first.bundle_id == second.bundle_id
    for file in first.path.iterdir():
        assert (file.read_bytes() == (second.path / file.name).read_bytes()) is (file.name != "signature.json")
    manifest = first.manifest.to_bytes()
    assert sign_manifest(manifest, SIGNER) == sign_manifest(manifest, SigningKey.of_seed("11" * 32))


def test_set_up_makes_a_key_that_signs(tmp_path, monkeypatch):
    """The key that the set-up writes into .env is one that bundles are signed with, and nobody else may read it."""
    (tmp_path / "scripts" / "setup").mkdir(parents=True)
    for name in ("scripts/setup/setup_secrets.sh", ".env.template"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    subprocess.run(["bash", str(tmp_path / "scripts" / "setup" / "setup_secrets.sh")], check=True)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    monkeypatch.setenv("MOVIE_MLOPS_ENV_FILE", str(tmp_path / ".env"))
    settings = door.settings(tmp_path / "home")
    keys = Keys(door.keys_config(settings))
    path = write_tiny(tmp_path / "models", signer=keys.signer()).path
    assert read_tiny(path, trust=keys.trust).bundle_id == path.name
    assert not keys.own_file.exists()
    assert settings.signing_key.get_secret_value() not in repr(settings)
