"""Bundles: a trained model as a folder of raw arrays that every reader verifies.

Nothing executable is stored, the same inputs give the same bytes, and a folder that has a bundle's name is a whole
bundle: it is written under another name, synced, and renamed. A reader uses nothing of a bundle before a key that is
trusted has vouched for its manifest, and the manifest for every array.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from movie_mlops.core.digests import canonical_json
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.recommenders import Recommender
from movie_mlops.recommenders import restore as restore_recommender
from movie_mlops.release.arrays import ArrayFileError, map_array, portable, write_array
from movie_mlops.release.errors import BundleError
from movie_mlops.release.folders import (
    UNFINISHED,
    check_intact,
    check_signature,
    damaged,
    only_writer,
    put_in_place,
    read_manifest,
    write_signature,
)
from movie_mlops.release.manifest import (
    ARRAY_NAME,
    FORMAT,
    MANIFEST,
    MOVIE_IDS,
    REFERENCE,
    ArrayFile,
    Manifest,
    bundle_id,
)
from movie_mlops.release.signature import Signer
from movie_mlops.release.trust import TrustList

Restore = Callable[[str, Mapping[str, Any], Mapping[str, NDArray[Any]]], Recommender]
"""Builds a recommender from its name, parameters and arrays."""


@dataclass(frozen=True)
class Bundle:
    """A trained model and where it comes from.

    Attributes:
        path: Its folder.
        manifest: What the folder holds and where it comes from.
        recommender: The model, ready to score.
        movie_ids: int64[items]; which movie each item of the model is. Read-only.
        reference: What its training data looked like, to compare what comes in with; ``None`` where it keeps none.
    """

    path: Path
    manifest: Manifest
    recommender: Recommender
    movie_ids: NDArray[np.int64]
    reference: bytes | None = None

    @property
    def bundle_id(self) -> str:
        """The bundle's name: the model's, and what its contents hash to."""
        return self.manifest.bundle_id


def write_bundle(
    root: Path,
    *,
    model: Recommender,
    movie_ids: NDArray[np.int64],
    facts: Mapping[str, Any],
    reference: bytes | None = None,
    signer: Signer | None = None,
) -> Bundle:
    """Write a fitted model as ``root/<bundle_id>/``; an identical bundle that is there already is kept.

    Args:
        root: The folder of the bundles; made when missing. One writer at a time: another one waits.
        model: Fitted.
        movie_ids: int64[n_items]; which movie each item is, no movie twice.
        facts: Where the model comes from, as plain data; see :class:`Manifest`. All of it counts for the bundle's id.
        reference: What its training data looked like; the same data must give the same bytes.
        signer: Vouches for it; without one, nobody will read it before :func:`sign_bundle`.

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
    if reference is not None:
        arrays[REFERENCE] = np.frombuffer(reference, np.uint8)
    described = {
        "format": FORMAT,
        "model": model.name,
        "params": _plain("The parameters of the model", asdict(model.params)),
        "facts": _plain("The facts of the bundle", facts),
    }
    try:
        root.mkdir(parents=True, exist_ok=True)
        with only_writer(root):
            path, manifest = _write(root, arrays, described, signer)
    except OSError as error:
        raise BundleError(
            f"No bundle can be written to {root} ({error.strerror or error}).",
            next_step="Free space on the disk or check that the folder can be written, and run the command again.",
        ) from error
    return Bundle(path, manifest, model, movies, reference)


def read_bundle(path: Path, *, trust: TrustList, verify: bool = True, restore: Restore = restore_recommender) -> Bundle:
    """Read and verify a bundle; its arrays are mapped into memory, read-only.

    Args:
        path: The bundle's folder, ``…/<bundle_id>``.
        trust: Whose bundles are read.
        verify: Whether the SHA-256 of every array is checked; manifest, sizes and headers always are.
        restore: Builds the recommender.

    Raises:
        SignatureRefusedError: Nobody signed it, or nobody who is trusted.
        BundleError: There is no bundle, or anything in the folder is not what was written; the file is named.
    """
    manifest = read_manifest(path)
    check_signature(path, manifest, trust)
    arrays: dict[str, NDArray[Any]] = {}
    for name, file in manifest.files().items():
        sha256 = file.sha256 if verify else None
        try:
            arrays[name] = map_array(path / file.file, dtype=file.dtype, shape=file.shape, sha256=sha256)
        except ArrayFileError as error:
            raise damaged(path, file.file, str(error)) from error
    movie_ids, reference = arrays.pop(MOVIE_IDS), arrays.pop(REFERENCE, None)
    try:
        recommender = restore(manifest.model, manifest.params, arrays)
    except (MovieMlopsError, ValueError, TypeError, KeyError) as error:
        raise damaged(path, MANIFEST, f"describes no model that can be restored ({error})") from error
    if recommender.n_items != movie_ids.size:
        raise damaged(path, MANIFEST, f"names {movie_ids.size:,} movies for {recommender.n_items:,} items")
    return Bundle(path, manifest, recommender, movie_ids, None if reference is None else reference.tobytes())


def _portable_arrays(model: Recommender) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, array in sorted(model.arrays().items()):
        if not ARRAY_NAME.fullmatch(name) or name in {MOVIE_IDS, REFERENCE}:
            raise BundleError(
                f"The model {model.name!r} calls an array {name!r}, which cannot be the name of a file of a bundle.",
                next_step=f"Use lower-case letters, digits and underscores; not {MOVIE_IDS!r} and not {REFERENCE!r}.",
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


def _write(
    root: Path, arrays: dict[str, NDArray[Any]], described: dict[str, Any], signer: Signer | None
) -> tuple[Path, Manifest]:
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
    try:
        files = {name: _write_array_file(folder, name, array) for name, array in arrays.items()}
        manifest = _manifest(files, described)
        with (folder / MANIFEST).open("xb") as file:
            file.write(manifest.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        path = root / manifest.bundle_id
        if path.exists() or path.is_symlink():
            check_intact(path)
            if signer is not None:
                write_signature(path, manifest, signer)
        else:
            if signer is not None:
                write_signature(folder, manifest, signer)
            put_in_place(folder, path)
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
