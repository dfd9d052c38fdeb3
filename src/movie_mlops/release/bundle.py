"""Bundles: a trained model as a folder of raw arrays that every reader verifies.

Nothing executable is stored, the same inputs give the same bytes, and a folder that has a bundle's name is a whole
bundle: it is written under another name, synced, and renamed.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from movie_mlops.core.digests import canonical_json
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.recommenders import Recommender
from movie_mlops.recommenders import restore as restore_recommender
from movie_mlops.release.arrays import ArrayFileError, map_array, open_regular, portable, write_array
from movie_mlops.release.errors import BundleError
from movie_mlops.release.manifest import (
    ARRAY_NAME,
    BUNDLE_ID,
    FORMAT,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    MOVIE_IDS,
    ArrayFile,
    Manifest,
    bundle_id,
    parse_manifest,
)

Restore = Callable[[str, Mapping[str, Any], Mapping[str, NDArray[Any]]], Recommender]
"""Builds a recommender from its name, parameters and arrays."""

_UNFINISHED: Final = ".unfinished-"
_TRAIN_AGAIN: Final = "Train again with 'movie-mlops run', or roll back to another release."


@dataclass(frozen=True)
class Bundle:
    """A trained model and where it comes from.

    Attributes:
        path: Its folder.
        manifest: What the folder holds and where it comes from.
        recommender: The model, ready to score.
        movie_ids: int64[items]; which movie each item of the model is. Read-only.
    """

    path: Path
    manifest: Manifest
    recommender: Recommender
    movie_ids: NDArray[np.int64]

    @property
    def bundle_id(self) -> str:
        """The bundle's name: the model's, and what its contents hash to."""
        return self.manifest.bundle_id


def write_bundle(root: Path, *, model: Recommender, movie_ids: NDArray[np.int64], facts: Mapping[str, Any]) -> Bundle:
    """Write a fitted model as ``root/<bundle_id>/``; an identical bundle that is there already is kept.

    Args:
        root: The folder of the bundles; made when missing. One writer at a time: another one waits.
        model: Fitted.
        movie_ids: int64[n_items]; which movie each item is, no movie twice.
        facts: Where the model comes from, as plain data; see :class:`Manifest`. All of it counts for the bundle's id.

    Raises:
        BundleError: Something cannot be stored, the disk refuses, or a damaged bundle lies where this one belongs.
    """
    movies = np.array(movie_ids, dtype="<i8", order="C")
    if movies.shape != (model.n_items,) or np.unique(movies).size != movies.size:
        raise BundleError(
            f"A model of {model.n_items:,} items needs as many different movie ids, not an array of shape"
            f" {movies.shape} with {np.unique(movies).size:,} different ones.",
            next_step="Pass the movie ids of the matrix that the model was fitted on.",
        )
    movies.flags.writeable = False
    arrays = {MOVIE_IDS: movies, **_portable_arrays(model)}
    described = {
        "format": FORMAT,
        "model": model.name,
        "params": _plain("The parameters of the model", asdict(model.params)),
        "facts": _plain("The facts of the bundle", facts),
    }
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _only_writer(root):
            path, manifest = _write(root, arrays, described)
    except OSError as error:
        raise BundleError(
            f"No bundle can be written to {root} ({error.strerror or error}).",
            next_step="Free space on the disk or check that the folder can be written, and run the command again.",
        ) from error
    return Bundle(path, manifest, model, movies)


def read_bundle(path: Path, *, verify: bool = True, restore: Restore = restore_recommender) -> Bundle:
    """Read and verify a bundle; its arrays are mapped into memory, read-only.

    Args:
        path: The bundle's folder, ``…/<bundle_id>``.
        verify: Whether the SHA-256 of every array is checked; manifest, sizes and headers always are.
        restore: Builds the recommender.

    Raises:
        BundleError: There is no bundle, or anything in the folder is not what was written; the file is named.
    """
    manifest = read_manifest(path)
    arrays: dict[str, NDArray[Any]] = {}
    for name, file in manifest.files().items():
        sha256 = file.sha256 if verify else None
        try:
            arrays[name] = map_array(path / file.file, dtype=file.dtype, shape=file.shape, sha256=sha256)
        except ArrayFileError as error:
            raise _damaged(path, file.file, str(error)) from error
    movie_ids = arrays.pop(MOVIE_IDS)
    try:
        recommender = restore(manifest.model, manifest.params, arrays)
    except (MovieMlopsError, ValueError, TypeError, KeyError) as error:
        raise _damaged(path, MANIFEST, f"describes no model that can be restored ({error})") from error
    if recommender.n_items != movie_ids.size:
        raise _damaged(path, MANIFEST, f"names {movie_ids.size:,} movies for {recommender.n_items:,} items")
    return Bundle(path, manifest, recommender, movie_ids)


def read_manifest(path: Path) -> Manifest:
    """Read a bundle's manifest and check that the folder has its name and holds its files and nothing else.

    Raises:
        BundleError: There is no bundle, or it is not what was written.
    """
    if path.is_symlink() or not path.is_dir():
        raise BundleError(f"There is no bundle at {path}.", next_step=_TRAIN_AGAIN)
    try:
        with open_regular(path / MANIFEST) as file:
            manifest = parse_manifest(file.read(MAX_MANIFEST_BYTES + 1))
    except (ArrayFileError, ValueError) as error:
        raise _damaged(path, MANIFEST, str(error)) from error
    if path.name != manifest.bundle_id:
        raise _damaged(path, MANIFEST, f"belongs to the bundle {manifest.bundle_id!r}, not to this folder")
    expected = {MANIFEST, *(file.file for file in manifest.files().values())}
    if strangers := sorted({entry.name for entry in path.iterdir()} - expected):
        raise _damaged(path, strangers[0], "is not named in the manifest")
    return manifest


def list_bundles(root: Path) -> list[str]:
    """Return the ids of the bundles in ``root``, sorted; they are not opened."""
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if BUNDLE_ID.fullmatch(entry.name) and entry.is_dir())


def _portable_arrays(model: Recommender) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, array in sorted(model.arrays().items()):
        if not ARRAY_NAME.fullmatch(name) or name == MOVIE_IDS:
            raise BundleError(
                f"The model {model.name!r} calls an array {name!r}, which cannot be the name of a file of a bundle.",
                next_step=f"Use lower-case letters, digits and underscores, and not {MOVIE_IDS!r}.",
            )
        try:
            arrays[name] = portable(np.asarray(array))
        except ArrayFileError as error:
            raise BundleError(
                f"The file {name}.npy of the model {model.name!r} {error}.",
                next_step="Return arrays of plain numbers from the model's arrays().",
            ) from error
    return arrays


def _plain(what: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``value`` as JSON gives it back, so that what is hashed is what will be read."""
    try:
        plain: dict[str, Any] = json.loads(canonical_json(dict(value)))
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{what} cannot be written as JSON ({error}).",
            next_step="Use text, finite numbers, booleans, lists and mappings with text keys only.",
        ) from error
    return plain


@contextmanager
def _only_writer(root: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with its process, and clear away what a killed writer left behind."""
    with (root / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in root.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left)
        yield


def _write(root: Path, arrays: dict[str, NDArray[Any]], described: dict[str, Any]) -> tuple[Path, Manifest]:
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root))
    try:
        files = {name: _write_array_file(folder, name, array) for name, array in arrays.items()}
        manifest = _manifest(files, described)
        with (folder / MANIFEST).open("xb") as file:
            file.write(manifest.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        path = root / manifest.bundle_id
        if path.exists() or path.is_symlink():
            _check_intact(path)
        else:
            # mkdtemp's folder is its owner's alone; the server may run as somebody else.
            folder.chmod(0o755)
            _sync_folder(folder)
            folder.rename(path)
            _sync_folder(root)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path, manifest


def _write_array_file(folder: Path, name: str, array: NDArray[Any]) -> ArrayFile:
    path = folder / f"{name}.npy"
    sha256 = write_array(path, array)
    size = path.stat().st_size
    return ArrayFile(file=path.name, dtype=array.dtype.str, shape=array.shape, bytes=size, sha256=sha256)


def _manifest(files: dict[str, ArrayFile], described: dict[str, Any]) -> Manifest:
    own = dict(files)
    document = {**described, "movie_ids": own.pop(MOVIE_IDS).model_dump(mode="json")}
    document["arrays"] = {name: file.model_dump(mode="json") for name, file in own.items()}
    try:
        return Manifest.model_validate_json(canonical_json({**document, "bundle_id": bundle_id(document)}))
    except ValidationError as error:
        raise BundleError(
            f"The model {described['model']!r} cannot be described by a manifest ({error.errors()[0]['msg']}).",
            next_step="Give the model a name of lower-case words joined by hyphens and arrays of plain numbers.",
        ) from error


def _check_intact(path: Path) -> None:
    """Verify a bundle without building its model."""
    for file in read_manifest(path).files().values():
        try:
            map_array(path / file.file, dtype=file.dtype, shape=file.shape, sha256=file.sha256)
        except ArrayFileError as error:
            raise _damaged(path, file.file, str(error)) from error


def _damaged(path: Path, file: str, what: str) -> BundleError:
    return BundleError(
        f"The bundle {path} cannot be trusted: {file} {what}.",
        next_step=f"Delete the folder, then: {_TRAIN_AGAIN[0].lower()}{_TRAIN_AGAIN[1:]}",
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
