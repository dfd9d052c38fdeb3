"""Bundles that were tampered with: every one is refused, by name, and none runs anything."""

import json
import os
import pickle  # noqa: TID251 - makes the malicious file that must be refused
import shutil
import tracemalloc
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.release import BundleError, SignatureRefusedError, list_bundles
from movie_mlops.release.manifest import bundle_id
from movie_mlops.release.signature import sign_manifest
from tests.fixtures.stage_3.keys import SIGNER
from tests.fixtures.stage_3.tiny_model import read_tiny, write_tiny

FILES = ("manifest.json", "movie_ids.npy", "counts.npy", "weights.npy", "signature.json")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("models")).path


@pytest.fixture
def bundle(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / original.name))


def refused(bundle, file, match="cannot be trusted"):
    with pytest.raises(BundleError, match=match) as caught:
        read_tiny(bundle)
    assert f"cannot be trusted: {file} " in caught.value.problem
    assert "Delete the folder" in caught.value.next_step


def forge(bundle, change, *, signer=None):
    """Change the manifest as somebody would who knows how ids are made, or even signs; return where it then lies."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    manifest["bundle_id"] = bundle_id(manifest)
    text = json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    (bundle / "manifest.json").write_text(text)
    if signer is not None:
        (bundle / "signature.json").write_bytes(sign_manifest(text.encode(), signer).to_bytes())
    return bundle.rename(bundle.with_name(manifest["bundle_id"]))


def test_an_untouched_copy_is_accepted(bundle):
    """A bundle may be copied; only its bytes and its name count."""
    assert read_tiny(bundle).movie_ids.tolist() == [1, 6, 50, 318]


@pytest.mark.parametrize("file", FILES)
def test_every_single_flipped_byte_is_refused(bundle, file):
    """Promise P8: flip any byte of any file, one after another: each is refused and the file named."""
    path = bundle / file
    intact = path.read_bytes()
    for place in range(len(intact)):
        changed = bytearray(intact)
        changed[place] ^= 0x01
        path.write_bytes(changed)
        with pytest.raises(BundleError) as caught:
            read_tiny(bundle)
        # The signature names its key: another digit there is another key, which nobody trusts.
        unknown = file == "signature.json" and "which is not trusted here" in caught.value.problem
        assert unknown or f"cannot be trusted: {file} " in caught.value.problem, place
    path.write_bytes(intact)
    read_tiny(bundle)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_refused(original, tmp_path_factory, data):
    """Promise P8: cut, lengthen or overwrite any file anywhere, the signature too: it is refused."""
    bundle = Path(shutil.copytree(original, tmp_path_factory.mktemp("damage") / original.name))
    file = data.draw(st.sampled_from(FILES))
    intact = (bundle / file).read_bytes()
    start = data.draw(st.integers(0, len(intact)))
    stop = data.draw(st.integers(start, len(intact)))
    changed = intact[:start] + data.draw(st.binary(max_size=40)) + intact[stop:]
    (bundle / file).write_bytes(changed)
    if changed == intact:
        read_tiny(bundle)
    else:
        with pytest.raises(BundleError):
            read_tiny(bundle)
    shutil.rmtree(bundle.parent)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(bundle, file):
    """Promise P8: without any one of its files a bundle is refused."""
    (bundle / file).unlink()
    if file == "signature.json":
        with pytest.raises(SignatureRefusedError, match=r"is not signed.*movie-mlops models sign"):
            read_tiny(bundle)
    else:
        refused(bundle, file, "is missing")


@pytest.mark.parametrize("name", ["extra.npy", "model.pkl", ".hidden", "zz.txt"])
def test_an_extra_file_is_named(bundle, name):
    """Promise P8: a file that the manifest does not name is refused."""
    (bundle / name).write_bytes(b"")
    refused(bundle, name, "is not named in the manifest")


def test_an_extra_folder_is_named(bundle):
    """Promise P8: so is a folder."""
    (bundle / "more").mkdir()
    refused(bundle, "more")


@pytest.mark.parametrize("file", FILES)
def test_a_link_is_refused_even_to_the_same_bytes(bundle, tmp_path, file):
    """Promise P25: a link in the place of a file is refused, wherever it leads."""
    (bundle / file).rename(tmp_path / "elsewhere")
    (bundle / file).symlink_to(tmp_path / "elsewhere")
    refused(bundle, file, "is a link")


@pytest.mark.parametrize("file", FILES)
def test_a_pipe_or_a_folder_is_refused_and_not_waited_for(bundle, file):
    """Something that is not a regular file is refused at once."""
    (bundle / file).unlink()
    os.mkfifo(bundle / file)
    refused(bundle, file, "is not a regular file")
    (bundle / file).unlink()
    (bundle / file).mkdir()
    refused(bundle, file, "is not a regular file|cannot be opened")


def test_a_bundle_under_another_name_is_refused(bundle):
    """Promise P8: one bundle cannot be put in another's place."""
    refused(bundle.rename(bundle.with_name("tiny-model-000000000000")), "manifest.json", "not to this folder")


@pytest.mark.parametrize("where", ["missing", "link", "file"])
def test_where_there_is_no_bundle_the_error_says_so(bundle, tmp_path, where):
    """A path that holds no bundle gets one sentence with the next step."""
    path = {"missing": tmp_path / "none", "link": tmp_path / "link", "file": tmp_path / "file"}[where]
    (tmp_path / "link").symlink_to(bundle)
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match=r"There is no bundle at .*movie-mlops run"):
        read_tiny(path)


FORGERIES = {
    "a path upwards": lambda m: m["arrays"]["weights"].update(file="../weights.npy"),
    "an absolute path": lambda m: m["arrays"]["weights"].update(file="/etc/passwd"),
    "another array's file": lambda m: m["arrays"]["weights"].update(file="counts.npy"),
    "a name with a line break": lambda m: m["arrays"]["weights"].update(file="weights.npy\n"),
    "a pickle": lambda m: m["arrays"]["weights"].update(file="weights.pkl"),
    "objects": lambda m: m["arrays"]["weights"].update(dtype="|O"),
    "a structure": lambda m: m["arrays"]["weights"].update(dtype="<f4,<f4"),
    "big-endian": lambda m: m["arrays"]["weights"].update(dtype=">f4"),
    "a negative length": lambda m: m["arrays"]["weights"].update(shape=[-4, -4]),
    "an absurd length": lambda m: m["arrays"]["weights"].update(shape=[2**62, 4], bytes=2**66),
    "another shape of the same size": lambda m: m["arrays"]["weights"].update(shape=[2, 8]),
    "another dtype of the same size": lambda m: m["arrays"]["weights"].update(dtype="<i4"),
    "another size": lambda m: m["arrays"]["weights"].update(bytes=193),
    "a length that is a number with a point": lambda m: m["arrays"]["weights"].update(shape=[4.0, 4]),
    "a length that is true": lambda m: m["movie_ids"].update(shape=[True]),
    "another digest": lambda m: m["arrays"]["weights"].update(sha256="0" * 64),
    "no digest": lambda m: m["arrays"]["weights"].update(sha256=""),
    "an unknown field": lambda m: m.update(run="import os"),
    "an unknown field of an array": lambda m: m["arrays"]["weights"].update(allow_pickle=True),
    "a later format": lambda m: m.update(format=2),
    "an array more": lambda m: m["arrays"].update(extra={**m["arrays"]["weights"], "file": "extra.npy"}),
    "an array less": lambda m: m["arrays"].pop("counts"),
    "no arrays": lambda m: m.update(arrays={}),
    "another model": lambda m: m.update(model="another"),
    "a model that is a path": lambda m: m.update(model="..-x"),
    "an unknown parameter": lambda m: m["params"].update(extra=1),
    "movie ids of another type": lambda m: m["movie_ids"].update(dtype="<u8"),
}


@pytest.mark.parametrize("signer", [None, SIGNER], ids=["old signature", "signed"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_manifest_with_a_fitting_id_is_refused(bundle, forgery, signer):
    """Promise P8: who can compute the id, and even sign, cannot make a manifest say what its files do not hold."""
    path = forge(bundle, FORGERIES[forgery], signer=signer)
    with pytest.raises(BundleError, match="cannot be trusted"):
        read_tiny(path)


@pytest.mark.parametrize("of_the_file", [False, True], ids=["the manifest", "the array's own header too"])
def test_a_bundle_that_promises_much_asks_for_no_memory(bundle, of_the_file):
    """Promise P8: a terabyte that is not there, even signed, is refused by the number before anything is set aside."""
    rows = 2**36
    if of_the_file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, 4)}
        with (bundle / "weights.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(64))
    size = (bundle / "weights.npy").stat().st_size
    digest = sha256((bundle / "weights.npy").read_bytes()).hexdigest()

    def promise(manifest):
        told = size if of_the_file else rows * 16
        manifest["arrays"]["weights"].update(shape=[rows, 4], bytes=told, sha256=digest)

    path = forge(bundle, promise, signer=SIGNER)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="cannot be trusted"):
            read_tiny(path)
        # As much as a manifest may be long, and a little.
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep objects"),
        pytest.param(b'{"format": NaN}', id="not a number"),
        pytest.param(b'{"format": ' + b"9" * 10_000 + b"}", id="a long number"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b" " * (5 << 20), id="long"),
        pytest.param(b"\x80\x04\x95", id="pickle"),
    ],
)
def test_a_manifest_that_is_no_manifest_is_refused(bundle, raw):
    """Whatever lies in manifest.json: one sentence, never a crash."""
    (bundle / "manifest.json").write_bytes(raw)
    refused(bundle, "manifest.json")


def test_a_manifest_with_a_doubled_key_is_refused(bundle):
    """Two readers must not understand one manifest differently."""
    text = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(text.replace('{\n  "arrays"', '{\n  "format": 1,\n  "arrays"', 1))
    refused(bundle, "manifest.json", "not spelt as it was written")


class Bomb:
    """Says so when it is unpickled."""

    exploded = False

    def __reduce__(self):
        return (setattr, (Bomb, "exploded", True))


def test_an_array_of_objects_is_refused_and_not_unpickled(bundle):
    """Promise P24: a .npy file with a pickle inside is refused before anything of it is read as one."""
    np.save(bundle / "weights.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    size = (bundle / "weights.npy").stat().st_size
    refused(bundle, "weights.npy", f"has {size} bytes instead of 192")
    assert not Bomb.exploded


def test_a_pickle_of_the_right_size_is_refused_and_not_unpickled(bundle):
    """Promise P24: nor does the right size help, with or without checking the digests."""
    bomb = pickle.dumps(Bomb())
    (bundle / "weights.npy").write_bytes(bomb + b"\0" * (192 - len(bomb)))
    refused(bundle, "weights.npy", "does not begin as an array")
    with pytest.raises(BundleError, match="does not begin as an array"):
        read_tiny(bundle, verify=False)
    assert not Bomb.exploded


def test_an_unfinished_folder_is_not_listed(original):
    """Only folders with a bundle's name are bundles."""
    (original.parent / ".unfinished-x").mkdir()
    (original.parent / "notes").mkdir()
    assert list_bundles(original.parent) == [original.name]
