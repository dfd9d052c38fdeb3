"""Bundles: what is written is what is read, byte for byte, wherever and whenever it is written."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from movie_mlops.release import BundleError, list_bundles, write_bundle
from movie_mlops.release.arrays import DTYPES, map_array, npy_header, write_array
from tests.fixtures.stage_3.processes import python
from tests.fixtures.stage_3.tiny_model import FACTS, MOVIE_IDS, TinyModel, read_tiny, tiny_model, write_tiny

REPOSITORY = Path(__file__).resolve().parents[2]

WRITE_AND_DIGEST = """
import hashlib, sys
from pathlib import Path
from tests.fixtures.stage_3.tiny_model import write_tiny
bundle = write_tiny(Path(sys.argv[1]))
print(bundle.bundle_id)
for file in sorted(bundle.path.iterdir()):
    print(file.name, hashlib.sha256(file.read_bytes()).hexdigest())
"""


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_bundle_gives_back_the_model_that_was_written(tmp_path):
    """A model that is written and read scores the same, with its parameters, movies and facts."""
    written = write_tiny(tmp_path)
    read = read_tiny(written.path)
    history = np.array([[1, 0, 0, 1]], dtype=np.float32)
    assert read.recommender.score(history).tolist() == [[12.0, 14.0, 16.0, 18.0]]
    assert read.recommender.params.regularisation == 0.5
    assert read.movie_ids.tolist() == [1, 6, 50, 318]
    assert read.manifest == written.manifest
    assert read.manifest.facts == FACTS


def test_the_folder_holds_a_readable_manifest_and_plain_arrays(tmp_path):
    """A bundle is a JSON file and arrays that numpy.load reads with pickle off."""
    bundle = write_tiny(tmp_path)
    assert names(bundle.path) == ["counts.npy", "manifest.json", "movie_ids.npy", "signature.json", "weights.npy"]
    manifest = json.loads((bundle.path / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["model"] == "tiny-model"
    assert manifest["params"] == {"regularisation": 0.5}
    assert manifest["arrays"]["weights"] == {
        "file": "weights.npy",
        "dtype": "<f4",
        "shape": [4, 4],
        "bytes": 192,
        "sha256": hashlib.sha256((bundle.path / "weights.npy").read_bytes()).hexdigest(),
    }
    assert np.load(bundle.path / "counts.npy", allow_pickle=False).tolist() == [4, 3, 2, 1]


def test_two_clean_processes_write_the_same_bytes(tmp_path):
    """Promise P7: two processes that share nothing write the same model to the same id and the same bytes."""
    said = []
    for seed, folder in (("1", "one"), ("2", "two")):
        done = subprocess.run(
            [sys.executable, "-c", WRITE_AND_DIGEST, str(tmp_path / folder)],
            cwd=REPOSITORY,
            env={"PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout)
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 6


def test_the_bytes_do_not_depend_on_how_an_array_lies_in_memory(tmp_path):
    """Promise P7: the same numbers in Fortran order, as a strided view or big-endian give the same bundle."""
    plain = tiny_model()
    wide = np.zeros((4, 8), dtype=np.float32)
    wide[:, ::2] = plain.weights
    ids = {
        write_bundle(tmp_path, model=TinyModel(weights, plain.counts), movie_ids=MOVIE_IDS, facts=FACTS).bundle_id
        for weights in (plain.weights, np.asfortranarray(plain.weights), wide[:, ::2], plain.weights.astype(">f4"))
    }
    assert len(ids) == 1
    assert list_bundles(tmp_path) == sorted(ids)


def test_the_order_of_the_facts_does_not_count(tmp_path):
    """Promise P7: facts in another order are the same facts."""
    backwards = dict(reversed(FACTS.items()))
    assert write_tiny(tmp_path, facts=backwards).bundle_id == write_tiny(tmp_path).bundle_id


@pytest.mark.parametrize("change", ["weights", "facts", "movies", "params"])
def test_any_other_input_gives_another_id(tmp_path, change):
    """A bundle's id changes with the numbers, the facts, the movies and the parameters."""
    model, movies, facts = tiny_model(), MOVIE_IDS.copy(), dict(FACTS)
    if change == "weights":
        model = tiny_model(scale=1.0000001)
    elif change == "facts":
        facts["seed"] = 21
    elif change == "movies":
        movies[0] = 2
    else:
        model.params = type(model.params)(regularisation=0.25)
    other = write_bundle(tmp_path, model=model, movie_ids=movies, facts=facts)
    assert other.bundle_id != write_tiny(tmp_path).bundle_id


def test_the_id_is_the_digest_of_the_manifest_without_it(tmp_path):
    """Anybody can compute the id: model, hyphen, first 12 hex digits of the SHA-256 of the canonical manifest."""
    bundle = write_tiny(tmp_path)
    manifest = json.loads((bundle.path / "manifest.json").read_text())
    del manifest["bundle_id"]
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert bundle.bundle_id == f"tiny-model-{hashlib.sha256(canonical).hexdigest()[:12]}"


def test_an_identical_bundle_is_kept_as_it_is(tmp_path):
    """Writing the same bundle again touches none of its files."""
    first = write_tiny(tmp_path)
    before = {file.name: file.stat().st_ino for file in first.path.iterdir()}
    again = write_tiny(tmp_path)
    assert again.path == first.path
    assert {file.name: file.stat().st_ino for file in again.path.iterdir()} == before
    assert names(tmp_path) == [".lock", first.bundle_id]


def test_a_damaged_bundle_is_not_reused(tmp_path):
    """Where a damaged bundle lies in the way, writing says so instead of trusting it."""
    bundle = write_tiny(tmp_path)
    (bundle.path / "weights.npy").write_bytes(b"\0" * 192)
    with pytest.raises(BundleError, match=r"weights\.npy .*Delete the folder"):
        write_tiny(tmp_path)


@pytest.mark.parametrize("moment", ["first array", "manifest", "rename"])
def test_a_writer_that_is_killed_leaves_nothing_that_looks_like_a_bundle(tmp_path, moment):
    """Promise P9: a kill at any step leaves no bundle, and the next writer clears the remains away."""
    target = {
        "first array": "import movie_mlops.release.bundle as b; b.write_array = lambda *a: os._exit(9)",
        "manifest": "import movie_mlops.release.bundle as b; b._manifest = lambda *a: os._exit(9)",
        "rename": "import pathlib; pathlib.Path.rename = lambda *a: os._exit(9)",
    }[moment]
    killed = python(f"import os\n{target}\n{WRITE_AND_DIGEST}", str(tmp_path))
    _, complaint = killed.communicate()
    assert killed.returncode == 9, complaint
    assert list_bundles(tmp_path) == []
    assert len(list(tmp_path.glob(".unfinished-*"))) == 1
    bundle = write_tiny(tmp_path)
    assert names(tmp_path) == [".lock", bundle.bundle_id]
    assert read_tiny(bundle.path).movie_ids.tolist() == [1, 6, 50, 318]


def test_what_is_read_cannot_be_changed(tmp_path):
    """The arrays of a bundle are read-only, so that no caller changes the model under another."""
    bundle = read_tiny(write_tiny(tmp_path).path)
    with pytest.raises(ValueError, match="read-only"):
        bundle.recommender.weights[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        bundle.movie_ids[0] = 1


def test_without_verification_manifest_and_sizes_are_still_checked(tmp_path):
    """verify=False skips the digests of the numbers and nothing else."""
    bundle = write_tiny(tmp_path)
    weights = bundle.path / "weights.npy"
    numbers = bytearray(weights.read_bytes())
    numbers[-1] ^= 1
    weights.write_bytes(numbers)
    read_tiny(bundle.path, verify=False)
    weights.write_bytes(numbers[:-1])
    with pytest.raises(BundleError, match=r"weights\.npy has 191 bytes instead of 192"):
        read_tiny(bundle.path, verify=False)


@pytest.mark.parametrize(
    ("movie_ids", "sentence"),
    [([1, 2, 3], "4 items"), ([1, 2, 3, 3], "3 different"), ([[1, 2], [3, 4]], r"shape \(2, 2\)")],
)
def test_movie_ids_that_do_not_fit_the_model_are_refused(tmp_path, movie_ids, sentence):
    """A model is written with exactly one movie for each item."""
    with pytest.raises(BundleError, match=sentence):
        write_bundle(tmp_path, model=tiny_model(), movie_ids=np.array(movie_ids), facts=FACTS)
    assert list_bundles(tmp_path) == []


@pytest.mark.parametrize(
    "facts", [{"seed": float("nan")}, {"seed": object()}, {"seed": {1, 2}}, {"name": "\ud800"}, {"seed": np.int64(3)}]
)
def test_facts_that_are_not_plain_data_are_refused(tmp_path, facts):
    """Facts that JSON cannot hold are refused before anything is written."""
    with pytest.raises(BundleError, match="The facts of the bundle cannot be written as JSON"):
        write_tiny(tmp_path, facts=facts)
    assert list_bundles(tmp_path) == []


@pytest.mark.parametrize("dtype", [object, "U3", "S3", complex, "M8[s]"])
def test_arrays_of_anything_but_numbers_are_refused(tmp_path, dtype):
    """Promise P24: objects and the like never reach the disk."""
    model = tiny_model()
    model.weights = np.zeros((4, 4), dtype=dtype)
    with pytest.raises(BundleError, match=r"The file weights\.npy .* would hold the dtype"):
        write_bundle(tmp_path, model=model, movie_ids=MOVIE_IDS, facts=FACTS)
    assert list_bundles(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil", "Weights", "a.b", "", "movie_ids"])
def test_array_names_that_cannot_be_file_names_are_refused(tmp_path, name):
    """Promise P25: an array's name never leads out of the bundle's folder."""
    model = tiny_model()
    model.arrays = lambda: {name: model.weights}
    with pytest.raises(BundleError, match="cannot be the name of a file"):
        write_bundle(tmp_path, model=model, movie_ids=MOVIE_IDS, facts=FACTS)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """Where the disk refuses, the error names the folder and says what to do."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BundleError, match=r"No bundle can be written to .*file.*Free space"):
        write_tiny(tmp_path / "file" / "models")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(
    array=hnp.arrays(
        dtype=st.sampled_from([np.dtype(name) for name in DTYPES]),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_every_array_comes_back_bit_by_bit(tmp_path_factory, array):
    """Whatever dtype and shape, empty ones included: our reader and numpy.load give back the same bits."""
    path = tmp_path_factory.mktemp("array") / "array.npy"
    sha256 = write_array(path, array)
    mapped = map_array(path, dtype=array.dtype.str, shape=array.shape, sha256=sha256)
    loaded = np.load(path, allow_pickle=False)
    for read in (mapped, loaded):
        assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert len(npy_header(array.dtype.str, array.shape)) % 64 == 0
