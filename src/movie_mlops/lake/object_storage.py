"""Files on S3-compatible storage."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from movie_mlops.lake.config import S3_SCHEME, S3Config
from movie_mlops.lake.errors import LakeError, StorageDownError, StorageError
from movie_mlops.lake.storage import LOG, StoredFile

# What S3 and its Rust client say, in words that no path, port or duration can hold by chance.
_NO_BUCKET: Final = re.compile(r"<Code>NoSuchBucket</Code>")
_REFUSED: Final = re.compile(
    r"<Code>(InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|InvalidClientTokenId|AuthFailure)</Code>"
    r"|401 Unauthorized|403 Forbidden"
)
_DOWN: Final = re.compile(
    r"error sending request|tcp connect error|connection (refused|closed|reset)|operation timed out|dns error"
    r"|50[0234] (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout)",
    re.IGNORECASE,
)


class ObjectStorage:
    """Files in a bucket.

    Args:
        root: ``s3://bucket/prefix``.
        config: How to reach it.

    Raises:
        LakeError: The root names no bucket, or only one of the two keys is there.
    """

    sql_reads_files = False

    def __init__(self, root: str, config: S3Config) -> None:
        self.place = root.rstrip("/")
        self._bucket, _, prefix = self.place.removeprefix(S3_SCHEME).partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = config.endpoint or f"Amazon S3 in {config.region}"
        if not self._bucket:
            raise LakeError(f"{root!r} names no bucket.", next_step="Write s3://bucket/prefix in MOVIE_MLOPS_LAKE.")
        if (config.access_key_id is None) != (config.secret_access_key is None):
            raise LakeError(
                "Only one of the two keys of the S3 storage is set.",
                next_step="Set both MOVIE_MLOPS_S3_ACCESS_KEY_ID and MOVIE_MLOPS_S3_SECRET_ACCESS_KEY, or neither.",
            )
        reach = _reach(config)
        self._secrets = [secret for name, secret in reach.items() if "access_key" in name]
        self.options = {
            **reach,
            # A commit is a put that fails where the log entry exists already: two writers cannot both win.
            "aws_conditional_put": "etag",
            "timeout": f"{config.timeout_seconds}s",
            "connect_timeout": f"{min(5, config.timeout_seconds)}s",
            "max_retries": str(config.retries),
            "retry_timeout": f"{config.timeout_seconds}s",
        }
        self._store = S3Store(
            self._bucket,
            config=reach,  # type: ignore[arg-type] # the same keys, that its type spells one by one
            client_options={
                "timeout": timedelta(seconds=config.timeout_seconds),
                "connect_timeout": timedelta(seconds=min(5, config.timeout_seconds)),
                "allow_http": True,
            },
            retry_config={
                "max_retries": config.retries,
                "retry_timeout": timedelta(seconds=config.timeout_seconds),
            },
        )

    def folders(self) -> list[str]:
        """Return the first folders under the prefix."""
        with self._named_faults():
            found = obstore.list_with_delimiter(self._store, self._prefix or None)["common_prefixes"]
        return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found)

    def has_table(self, table: str) -> bool:
        """Return whether there is a Delta log."""
        with self._named_faults():
            return any(len(page) > 0 for page in obstore.list(self._store, f"{self._prefix}{table}/{LOG}/"))

    def prepare(self) -> None:
        """Do nothing: a prefix needs no making."""

    def address(self, path: str) -> str:
        """Return the path with bucket and prefix."""
        return f"{self.place}/{path}"

    def files(self, folder: str) -> list[StoredFile]:
        """Return all objects under ``folder``."""
        base = f"{self._prefix}{folder}/"
        with self._named_faults():
            found = [meta for page in obstore.list(self._store, base) for meta in page]
        stored = (StoredFile(meta["path"].removeprefix(base), meta["size"], meta["last_modified"]) for meta in found)
        return sorted(stored, key=lambda file: file.path)

    def read(self, path: str) -> bytes:
        """Return an object's bytes."""
        with self._named_faults():
            return bytes(obstore.get(self._store, self._prefix + path).bytes())

    def digest(self, path: str) -> str:
        """Return the SHA-256 of an object's bytes, as they are fetched now."""
        sha256 = hashlib.sha256()
        with self._named_faults():
            for part in obstore.get(self._store, self._prefix + path).stream():
                sha256.update(part)
        return sha256.hexdigest()

    def write(self, path: str, content: bytes) -> None:
        """Put an object; S3 shows it whole or not at all."""
        with self._named_faults():
            obstore.put(self._store, self._prefix + path, content)

    def create(self, path: str, content: bytes) -> bool:
        """Put an object on condition that there is none."""
        with self._named_faults():
            try:
                obstore.put(self._store, self._prefix + path, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def delete(self, paths: Iterable[str]) -> None:
        """Remove objects."""
        if names := [self._prefix + path for path in paths]:
            with self._named_faults():
                obstore.delete(self._store, names)

    def fault(self, error: Exception) -> LakeError | None:
        """Return what is wrong with bucket, keys or server; the error's own text, which may hold keys, stays out."""
        told = str(error)
        if _NO_BUCKET.search(told):
            return self._no_bucket()
        if _REFUSED.search(told):
            return StorageError(
                f"{self._endpoint} does not let these keys into the bucket {self._bucket!r}.",
                next_step="Check MOVIE_MLOPS_S3_ACCESS_KEY_ID, MOVIE_MLOPS_S3_SECRET_ACCESS_KEY and their rights.",
            )
        if _DOWN.search(told):
            return StorageDownError(
                f"The lake's storage does not answer ({self._endpoint}).",
                next_step="Check MOVIE_MLOPS_S3_ENDPOINT and that the server runs, then run the command again.",
            )
        return _unknown(self.place) if any(secret in told for secret in self._secrets) else None

    def _no_bucket(self) -> StorageError:
        return StorageError(
            f"There is no bucket {self._bucket!r} at {self._endpoint}.",
            next_step="Create it, or name another one in MOVIE_MLOPS_LAKE.",
        )

    @contextmanager
    def _named_faults(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            # A missing bucket looks like a missing object.
            if _NO_BUCKET.search(str(error)):
                raise self._no_bucket() from None
            raise
        except (BaseError, OSError) as error:
            # Not "from error": what the server said may repeat the keys.
            raise self.fault(error) or _unknown(self.place) from None


def _reach(config: S3Config) -> dict[str, str]:
    """Return where the storage is and who asks, in the words that all readers of S3 here share."""
    reach = {"aws_region": config.region}
    if config.endpoint is not None:
        reach["aws_endpoint_url"] = config.endpoint
        reach["aws_virtual_hosted_style_request"] = "false"
    if config.endpoint is not None and config.endpoint.startswith("http://"):
        reach["aws_allow_http"] = "true"
    if config.access_key_id is not None and config.secret_access_key is not None:
        reach["aws_access_key_id"] = config.access_key_id.get_secret_value()
        reach["aws_secret_access_key"] = config.secret_access_key.get_secret_value()
    return reach


def _unknown(place: str) -> StorageError:
    return StorageError(
        f"The storage of {place} refused, and did not say why in words that are known here.",
        next_step="Try the same with the storage's own tools.",
    )
