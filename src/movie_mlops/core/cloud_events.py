"""CloudEvents 1.0: how an event is written in an envelope, the same for the API that takes it and for what carries it.

Reference:
    CloudEvents 1.0.2: the core specification, its JSON event format (also of batches), its HTTP binding (structured,
    batched and binary content mode). CNCF, 2022.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

SPEC_VERSION: Final = "1.0"
EVENT_TYPE: Final = "application/cloudevents+json"
"""The content type of one envelope."""
BATCH_TYPE: Final = "application/cloudevents-batch+json"
"""The content type of a list of envelopes."""
DATA_TYPE: Final = "application/json"
"""The content type of what is in an envelope."""

TYPE_PREFIX: Final = "movie_mlops.interaction."
"""Before the kind of an interaction, in an envelope's ``type``."""
SCHEMA: Final = "urn:movie-mlops:schema:interaction:1"
"""What an envelope's ``dataschema`` says of the data that we write, and of all that we take."""
SCHEMAS: Final = frozenset({SCHEMA})
"""The versions that are taken."""

WHERE: Final[Mapping[str, str]] = {
    "event_id": "id",
    "user_id": "subject",
    "event_time": "time",
    "kind": "type",
    "movie_id": "data.movie_id",
    "value": "data.value",
    "source": "source",
}
"""Where in an envelope each field of an interaction stands."""

_KNOWN: Final = frozenset({"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"})
_CONTENT: Final = frozenset({"data", "data_base64"})
_LONGEST_EXTENSION: Final = 20
_HEADER: Final = "ce-"


def fields_of(envelope: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the fields of the interaction in an envelope, and what is wrong with the envelope itself.

    Args:
        envelope: Plain data that claims to be one.

    Returns:
        The fields by the interaction's names, unchecked; and for each fault the attribute, and the end of a sentence
        that begins with it.
    """
    if not isinstance(envelope, dict):
        return {}, [("", "must be an object: an envelope of CloudEvents")]
    said = {name: value for name, value in envelope.items() if value is not None}
    faults = [("specversion", f"must be {SPEC_VERSION!r}")] if said.get("specversion") != SPEC_VERSION else []
    faults += [(name, "is missing") for name in ("id", "source", "type", "subject", "data") if name not in said]
    faults += [(name, "must be text") for name in _KNOWN & said.keys() if not isinstance(said[name], str)]
    faults += [(name, "is no name of an extension: a-z and 0-9, at most 20") for name in _strange(said)]
    if "data_base64" in said:
        faults.append(("data_base64", "is not taken: data is an object of JSON"))
    if _media_type(said.get("datacontenttype", DATA_TYPE)) != DATA_TYPE:
        faults.append(("datacontenttype", f"must be {DATA_TYPE}"))
    if said.get("dataschema", SCHEMA) not in SCHEMAS:
        faults.append(("dataschema", f"is none that is taken: {', '.join(sorted(SCHEMAS))}"))
    kind = said.get("type", TYPE_PREFIX)
    if isinstance(kind, str) and not kind.startswith(TYPE_PREFIX):
        faults.append(("type", f"is unknown; it must begin with {TYPE_PREFIX}"))
    data = said.get("data", {})
    if not isinstance(data, dict):
        faults.append(("data", "must be an object"))
        data = {}
    faults += [(f"data.{name}", "is unknown") for name in data if name not in {"movie_id", "value"}]
    if faults:
        return {}, faults
    fields = {"event_id": said["id"], "user_id": said["subject"], "source": said["source"], **data}
    return {**fields, "kind": kind.removeprefix(TYPE_PREFIX), "event_time": said.get("time")}, []


def from_headers(headers: Iterable[tuple[bytes, bytes]], data: Any) -> dict[str, Any] | None:
    """Return the envelope that headers of HTTP say around data (binary content mode); ``None`` where they say none.

    Args:
        headers: As they came.
        data: The body, read.
    """
    told = {
        name[len(_HEADER) :].decode("latin-1"): unquote(value.decode("latin-1"), errors="replace")
        for name, value in headers
        if name.startswith(_HEADER.encode())
    }
    return {**told, "data": data} if "specversion" in told else None


def _strange(said: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name in said.keys() - _KNOWN - _CONTENT
        if not (0 < len(name) <= _LONGEST_EXTENSION and name.isascii() and name.isalnum() and name == name.lower())
    ]


def _media_type(said: Any) -> str:
    return said.partition(";")[0].strip().lower() if isinstance(said, str) else ""
