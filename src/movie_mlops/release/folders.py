"""The folder of the bundles: what lies in it, who vouches for it, and how something gets there whole."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from movie_mlops.release.arrays import ArrayFileError, map_array, open_regular
from movie_mlops.release.errors import BundleError, SignatureRefusedError
from movie_mlops.release.manifest import BUNDLE_ID, MANIFEST, MAX_MANIFEST_BYTES, Manifest, parse_manifest
from movie_mlops.release.signature import (
    SIGNATURE,
    Signature,
    SignatureFileError,
    Signer,
    read_signature,
    sign_manifest,
)
from movie_mlops.release.trust import TrustList

UNFINISHED: Final = ".unfinished-"
"""How the name of everything begins that is being written; the next writer clears away what a killed one left."""

_TRAIN_AGAIN: Final = "Train again with 'movie-mlops run', or roll back to another release."


def list_bundles(root: Path) -> list[str]:
    """Return the ids of the bundles in ``root``, sorted; they are not opened."""
    if not root.is_dir():
        return []
    return sorted(entry.name for entry in root.iterdir() if BUNDLE_ID.fullmatch(entry.name) and entry.is_dir())


def read_manifest(path: Path) -> Manifest:
    """Read a bundle's manifest and check that the folder has its name and holds its files and nothing else.

    Who signed it is not asked: this is for showing what a bundle says of itself.

    Raises:
        BundleError: There is no bundle, or it is not what was written.
    """
    if path.is_symlink() or not path.is_dir():
        raise BundleError(f"There is no bundle at {path}.", next_step=_TRAIN_AGAIN)
    try:
        with open_regular(path / MANIFEST) as file:
            manifest = parse_manifest(file.read(MAX_MANIFEST_BYTES + 1))
    except (ArrayFileError, ValueError) as error:
        raise damaged(path, MANIFEST, str(error)) from error
    if path.name != manifest.bundle_id:
        raise damaged(path, MANIFEST, f"belongs to the bundle {manifest.bundle_id!r}, not to this folder")
    expected = {MANIFEST, SIGNATURE, *(file.file for file in manifest.files().values())}
    if strangers := sorted({entry.name for entry in path.iterdir()} - expected):
        raise damaged(path, strangers[0], "is not named in the manifest")
    return manifest


def check_intact(path: Path) -> Manifest:
    """Verify a bundle's own bytes, without building its model and without asking who signed it.

    Raises:
        BundleError: There is no bundle, or anything in the folder is not what was written; the file is named.
    """
    manifest = read_manifest(path)
    for file in manifest.files().values():
        try:
            map_array(path / file.file, dtype=file.dtype, shape=file.shape, sha256=file.sha256)
        except ArrayFileError as error:
            raise damaged(path, file.file, str(error)) from error
    return manifest


def check_signature(path: Path, manifest: Manifest, trust: TrustList) -> Signature:
    """Make sure that a key that is trusted signed the manifest of the bundle in ``path``.

    Raises:
        SignatureRefusedError: Nobody signed it, or nobody who is trusted.
        BundleError: The signature is not this manifest's.
    """
    try:
        signature = read_signature(path)
        if signature is None:
            raise SignatureRefusedError(
                f"The bundle {path} is not signed.",
                next_step="Train again with 'movie-mlops run'; or, if you know where it comes from, vouch for it:"
                f" movie-mlops models sign {path.name} --reason …",
            )
        signature.check(manifest.to_bytes())
    except SignatureFileError as error:
        raise damaged(path, SIGNATURE, str(error)) from error
    trust.check(signature.public_key, f"The bundle {path}")
    return signature


def sign_bundle(path: Path, signer: Signer) -> Signature:
    """Vouch for a bundle whose every byte is what its manifest says, whoever signed it before.

    Raises:
        BundleError: There is no whole bundle, or the disk refuses.
    """
    manifest = check_intact(path)
    try:
        with only_writer(path.parent):
            return write_signature(path, manifest, signer)
    except OSError as error:
        raise BundleError(
            f"The bundle {path} cannot be signed ({error.strerror or error}).",
            next_step="Free space on the disk or check that the folder can be written, and run the command again.",
        ) from error


def write_signature(folder: Path, manifest: Manifest, signer: Signer) -> Signature:
    """Sign a manifest; the file beside it changes whole or not at all, and not where it says so already."""
    signature = sign_manifest(manifest.to_bytes(), signer)
    path = folder / SIGNATURE
    if path.is_symlink() or not path.exists() or path.read_bytes() != signature.to_bytes():
        # Beside the folder, where the next writer clears it away: a bundle holds nothing but its files.
        temporary = folder.parent / f"{UNFINISHED}{folder.name.lstrip('.')}.{SIGNATURE}"
        with temporary.open("wb") as file:
            file.write(signature.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(folder)
    return signature


@contextmanager
def only_writer(root: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with its process, and clear away what a killed writer left behind."""
    with (root / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in root.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield


def put_in_place(folder: Path, path: Path) -> None:
    """Give a finished folder its bundle's name, durably."""
    # mkdtemp's folder is its owner's alone; the server may run as somebody else.
    folder.chmod(0o755)
    sync_folder(folder)
    folder.rename(path)
    sync_folder(path.parent)


def damaged(path: Path, file: str, what: str) -> BundleError:
    """Return the error of a bundle one of whose files is not what was written."""
    return BundleError(
        f"The bundle {path} cannot be trusted: {file} {what}.",
        next_step=f"Delete the folder, then: {_TRAIN_AGAIN[0].lower()}{_TRAIN_AGAIN[1:]}",
    )


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
