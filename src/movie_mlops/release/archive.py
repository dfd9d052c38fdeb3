"""Bundles on their way to another machine: one plain tar file that has exactly one spelling.

A reader knows every byte of every header beforehand, as it does of an array's: names, order and sizes follow from the
manifest, which comes first and is believed only when a trusted key signed it. So headers are compared and never
obeyed; nothing in an archive can name a path, a link, or a size of its own choosing. It is not compressed: nothing
swells.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from movie_mlops.release.arrays import ArrayFileError, open_regular
from movie_mlops.release.bundle import read_bundle
from movie_mlops.release.errors import ArchiveError, BundleError
from movie_mlops.release.folders import UNFINISHED, only_writer, put_in_place
from movie_mlops.release.manifest import MANIFEST, MAX_MANIFEST_BYTES, Manifest, parse_manifest
from movie_mlops.release.signature import (
    MAX_SIGNATURE_BYTES,
    SIGNATURE,
    SignatureFileError,
    parse_signature,
)
from movie_mlops.release.tape import FormError, add, add_end, add_file, check_end, extract, take
from movie_mlops.release.trust import TrustList

CARD_HTML: Final = "card.html"
CARD_MARKDOWN: Final = "card.md"
"""Cards lie in an archive for whoever looks into it; an import makes its own."""

MAX_CARD_BYTES: Final = 32 << 20
SUFFIX: Final = ".bundle.tar"


def write_archive(path: Path, bundle: Path, *, trust: TrustList, cards: Mapping[str, bytes]) -> int:
    """Write a bundle with its signature and its cards into one file; the same bundle and cards give the same bytes.

    Args:
        path: The file; it appears whole or not at all, in place of one of the same name.
        bundle: The bundle's folder.
        trust: Whose bundles are read: one that would be refused here is not sent elsewhere.
        cards: ``card.html`` and ``card.md``, in bytes.

    Returns:
        The size of the file in bytes.

    Raises:
        BundleError: The bundle is not whole, or not signed by somebody who is trusted.
        ArchiveError: The disk refuses.
    """
    manifest = read_bundle(bundle, trust=trust).manifest
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for member in (MANIFEST, SIGNATURE, *_array_files(manifest)):
                    add_file(file, member, bundle / member)
                for member in (CARD_HTML, CARD_MARKDOWN):
                    add(file, member, cards[member])
                add_end(file)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            Path(name).chmod(0o644)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise ArchiveError(
            f"The archive {path} cannot be written ({error.strerror or error}).",
            next_step="Free space on the disk, or name another file with --output.",
        ) from error
    return size


def read_archive(path: Path, root: Path, *, trust: TrustList, max_bytes: int) -> Manifest:
    """Bring the bundle of an archive into ``root``; one that is there already, whole and trusted, is kept.

    Nothing is written before the signature is believed, and nothing has a bundle's name before every byte of it was
    checked and its model built once.

    Args:
        path: The archive.
        root: The folder of the bundles.
        trust: Whose bundles are used.
        max_bytes: The greatest archive that is read.

    Raises:
        ArchiveError: That is no archive of a bundle, or it is too great; nothing was brought in.
        BundleError: Its bundle would be refused; nothing was brought in.
    """
    try:
        with _opened(path, max_bytes) as file, _refused(path):
            raw = take(file, MANIFEST, MAX_MANIFEST_BYTES)
            manifest = _manifest(raw)
            signature = take(file, SIGNATURE, MAX_SIGNATURE_BYTES)
            _check_signature(path, raw, signature, trust)
            _check_room(root, manifest)
            root.mkdir(parents=True, exist_ok=True)
            with only_writer(root):
                _bring_in(file, root, manifest, {MANIFEST: raw, SIGNATURE: signature}, trust)
    except OSError as error:
        raise ArchiveError(
            f"The archive {path} cannot be brought in ({error.strerror or error}).",
            next_step="Check that the file can be read and that there is space on the disk, then import it again.",
        ) from error
    return manifest


def _bring_in(file: IO[bytes], root: Path, manifest: Manifest, small: Mapping[str, bytes], trust: TrustList) -> None:
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
    # Under its own name within the unfinished folder, so that it can be read as what it will be.
    inside, target = folder / manifest.bundle_id, root / manifest.bundle_id
    try:
        inside.mkdir()
        for name, content in small.items():
            _write(inside / name, content)
        for array in sorted(manifest.files().values(), key=lambda one: one.file):
            extract(file, inside / array.file, array.bytes, array.sha256)
        for name in (CARD_HTML, CARD_MARKDOWN):
            take(file, name, MAX_CARD_BYTES)
        check_end(file)
        read_bundle(inside, trust=trust)
        if target.exists() or target.is_symlink():
            _check_there(target, trust)
        else:
            put_in_place(inside, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_there(target: Path, trust: TrustList) -> None:
    try:
        read_bundle(target, trust=trust)
    except BundleError as error:
        raise ArchiveError(
            f"The bundle {target} is there already and is not whole: {error.problem}",
            next_step="Delete that folder, then import the archive again.",
        ) from error


@contextmanager
def _opened(path: Path, max_bytes: int) -> Iterator[IO[bytes]]:
    try:
        file = open_regular(path.resolve())
    except ArrayFileError as error:
        raise ArchiveError(
            f"The archive {path} {error}.", next_step="Give a file that 'movie-mlops models export' made."
        ) from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise ArchiveError(
                f"The archive {path} has {size:,} bytes, more than {max_bytes:,}.",
                next_step="If you expect a bundle of that size, allow it with --max-bytes.",
            )
        yield file


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except FormError as error:
        raise ArchiveError(
            f"The archive {path} {error}.",
            next_step="Nothing was brought in. Have it exported again with 'movie-mlops models export'.",
        ) from error


def _manifest(raw: bytes) -> Manifest:
    try:
        return parse_manifest(raw)
    except ValueError as error:
        raise FormError(f"is not that of a bundle: {MANIFEST} {error}") from error


def _check_signature(path: Path, manifest: bytes, signature: bytes, trust: TrustList) -> None:
    try:
        signed = parse_signature(signature)
        signed.check(manifest)
    except SignatureFileError as error:
        raise FormError(f"is not that of a bundle: {SIGNATURE} {error}") from error
    trust.check(signed.public_key, f"The bundle in the archive {path}")


def _check_room(root: Path, manifest: Manifest) -> None:
    there = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    needed = sum(array.bytes for array in manifest.files().values())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise FormError(f"holds {needed:,} bytes of arrays, and only {free:,} are free at {there}")


def _array_files(manifest: Manifest) -> list[str]:
    return sorted(array.file for array in manifest.files().values())


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
