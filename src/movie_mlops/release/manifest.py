"""The manifest of a bundle: what it holds, to the byte, and where it comes from."""

import json
import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, model_validator

from movie_mlops.core.digests import digest
from movie_mlops.release.arrays import DTYPES, npy_bytes

FORMAT: Final = 1
"""Version of the layout; a reader refuses a bundle of another one."""

MANIFEST: Final = "manifest.json"
MOVIE_IDS: Final = "movie_ids"
"""Name of the array that says which movie each item is; it lies beside the model's own arrays."""

REFERENCE: Final = "reference"
"""Name of the array, uint8[bytes], in which a bundle keeps what its training data looked like; it is no model's own."""

MAX_MANIFEST_BYTES: Final = 4 << 20
"""A manifest names a handful of arrays; anything longer is not read."""

BUNDLE_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{12}")
ARRAY_NAME: Final = re.compile(r"[a-z0-9_]+")

_MAX_LENGTH: Final = 1 << 48

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
ArrayName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=64)]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+\.npy$", max_length=68)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Length = Annotated[int, Field(ge=0, le=_MAX_LENGTH)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ArrayFile(_Strict):
    """One array of a bundle.

    Attributes:
        file: Its name in the bundle's folder.
        dtype: NumPy's spelling, one of :data:`movie_mlops.release.arrays.DTYPES`.
        shape: Length of each axis.
        bytes: Size of the file.
        sha256: Of the file's bytes, in hex.
    """

    file: FileName
    dtype: str
    shape: Annotated[tuple[Length, ...], Field(max_length=8)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "ArrayFile":
        if self.dtype not in DTYPES:
            raise ValueError(f"the dtype {self.dtype!r} is not one of {', '.join(DTYPES)}")
        if self.bytes != npy_bytes(self.dtype, self.shape):
            raise ValueError(f"{self.bytes} bytes do not hold dtype {self.dtype} and shape {self.shape}")
        return self


class Manifest(_Strict):
    """All that a bundle says of itself. It holds no time: the same inputs give the same manifest.

    Attributes:
        format: Version of the layout.
        bundle_id: ``<model>-<first 12 hex digits of the SHA-256 of the rest of the manifest>``.
        model: Name of the recommender.
        params: Its parameters.
        movie_ids: The array int64[items] of which movie each item is.
        arrays: The model's arrays by name.
        facts: Where the model comes from: ``dataset``, ``lake_versions``, ``feature_versions``, ``evaluation``,
            ``seed``, ``code_commit``, ``packages``, and whatever else the caller knows.
    """

    format: Literal[1]
    bundle_id: str
    model: ModelName
    params: dict[str, JsonValue]
    movie_ids: ArrayFile
    arrays: dict[ArrayName, ArrayFile]
    facts: dict[str, JsonValue]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Manifest":
        for name, array in self.files().items():
            if array.file != f"{name}.npy":
                raise ValueError(f"the array {name!r} lies in {array.file!r} instead of '{name}.npy'")
        if MOVIE_IDS in self.arrays:
            raise ValueError(f"the model calls an array {MOVIE_IDS!r}, which is the name of the bundle's own")
        if self.movie_ids.dtype != "<i8" or len(self.movie_ids.shape) != 1:
            raise ValueError("movie_ids is not a list of 64-bit integers")
        if self.bundle_id != self.derived_id():
            raise ValueError(f"the bundle_id {self.bundle_id!r} is not the one of these contents")
        return self

    def files(self) -> dict[str, ArrayFile]:
        """Return every array by name, the movie ids included."""
        return {MOVIE_IDS: self.movie_ids, **self.arrays}

    def derived_id(self) -> str:
        """Return the id that these contents have."""
        return bundle_id(self.model_dump(mode="json"))

    def to_bytes(self) -> bytes:
        """Return the one spelling of the manifest that is accepted on disk."""
        document = self.model_dump(mode="json")
        return (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def bundle_id(document: dict[str, Any]) -> str:
    """Return the id of a manifest's contents; the ``bundle_id`` in ``document``, if any, does not count."""
    contents = {key: value for key, value in document.items() if key != "bundle_id"}
    return f"{document['model']}-{digest(contents)[:12]}"


def parse_manifest(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ValueError: It is not a manifest of this format, or not spelt as :meth:`Manifest.to_bytes` spells it; the
            message completes the sentence "manifest.json …".
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ValueError(f"is longer than {MAX_MANIFEST_BYTES:,} bytes")
    try:
        manifest = Manifest.model_validate_json(raw)
        spelt = manifest.to_bytes()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ValueError(f"is not a manifest of format {FORMAT}: {place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"holds what no manifest can ({error})") from error
    if spelt != raw:
        raise ValueError("was changed: it is not spelt as it was written")
    return manifest
