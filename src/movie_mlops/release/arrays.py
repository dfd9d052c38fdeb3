"""Raw arrays on disk in the ``.npy`` format, version 1.0, of which only one spelling is accepted.

A reader that knows dtype and shape beforehand knows every byte of the header, so a header is compared and never
parsed: nothing in a file can ask for an object to be built. The header is spelt here and not by NumPy so that the same
array has the same bytes under every NumPy version; ``numpy.load`` reads the files all the same.
"""

import hashlib
import mmap
import os
import stat
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

DTYPES: Final = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
"""What an array of a bundle may hold: numbers, little-endian."""

_ALIGNMENT: Final = 64
_MAGIC: Final = b"\x93NUMPY\x01\x00"


class ArrayFileError(Exception):
    """A file is not the array that it is said to be; the message completes the sentence "The file …"."""


def portable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array little-endian and in C order.

    Raises:
        ArrayFileError: Its dtype is none of :data:`DTYPES` (objects, text, complex numbers …).
    """
    dtype = array.dtype.newbyteorder("<")
    if array.dtype.hasobject or dtype.str not in DTYPES:
        raise ArrayFileError(f"would hold the dtype {array.dtype}, which is not one of {', '.join(DTYPES)}")
    return np.asarray(array, dtype=dtype, order="C")


def npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the bytes that stand before the numbers of an array in C order."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape!r}, }}"
    unpadded = len(_MAGIC) + 2 + len(text) + 1
    text += " " * (-unpadded % _ALIGNMENT) + "\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")


def npy_bytes(dtype: str, shape: tuple[int, ...]) -> int:
    """Return the size in bytes of the file of such an array."""
    count = 1
    for length in shape:
        count *= length
    return len(npy_header(dtype, shape)) + count * np.dtype(dtype).itemsize


def write_array(path: Path, array: NDArray[Any]) -> str:
    """Write a portable array to a new file, durably, and return the SHA-256 of the file's bytes."""
    header, numbers = npy_header(array.dtype.str, array.shape), array.reshape(-1).view(np.uint8).data
    with path.open("xb") as file:
        file.write(header)
        file.write(numbers)
        file.flush()
        os.fsync(file.fileno())
    sha256 = hashlib.sha256(header)
    sha256.update(numbers)
    return sha256.hexdigest()


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file for reading; a link, a folder or a pipe is refused, and a pipe is not waited for.

    Raises:
        ArrayFileError: It is missing, unreadable or not a regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ArrayFileError("is missing") from error
    except OSError as error:
        reason = "is a link" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        raise ArrayFileError(reason) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ArrayFileError("is not a regular file")
    return os.fdopen(descriptor, "rb")


def map_array(path: Path, *, dtype: str, shape: tuple[int, ...], sha256: str | None) -> NDArray[Any]:
    """Map an array's file into memory, read-only, after checking it.

    Size, header and digest are those of the very file that is mapped, not of whatever has its name a moment later.

    Args:
        path: The file.
        dtype: One of :data:`DTYPES`.
        shape: What the array's shape must be.
        sha256: What the digest of the file must be; ``None`` to skip reading it all.

    Raises:
        ArrayFileError: The file is anything but that array.
    """
    header, size = npy_header(dtype, shape), npy_bytes(dtype, shape)
    with open_regular(path) as file:
        found = os.fstat(file.fileno()).st_size
        if found != size:
            raise ArrayFileError(f"has {found:,} bytes instead of {size:,}")
        if file.read(len(header)) != header:
            raise ArrayFileError(f"does not begin as an array of dtype {dtype} and shape {shape} does")
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    if sha256 is not None and hashlib.sha256(mapped).hexdigest() != sha256:
        raise ArrayFileError("has other bytes than those that were written (its SHA-256 differs)")
    return np.frombuffer(mapped, dtype=dtype, offset=len(header)).reshape(shape)
