"""Where a person's data lies: said once. The erasure, the export, the retention and the document follow it.

A test holds it against the tables that there are: a column that could hold an id and is not here fails it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from movie_mlops.security.purposes import Purpose


class Kind(StrEnum):
    """What a place is."""

    LAKE = "lake"
    STATE = "state"
    FILES = "files"
    COPIES = "copies"
    MEMORY = "memory"


@dataclass(frozen=True)
class Place:
    """A place where something of a person may lie.

    Attributes:
        kind: What it is.
        name: The table, or the files.
        columns: What names a person in it.
        holds: What it holds, in words; people read it in their export.
        erased: What an erasure does with it.
        purposes: What it is kept for: a withdrawal of one of them does the same with it, or with those rows of it.
    """

    kind: Kind
    name: str
    columns: tuple[str, ...]
    holds: str
    erased: str
    purposes: tuple[Purpose, ...] = ()


_HISTORY: Final = (Purpose.HISTORY,)
_PROFILE: Final = (Purpose.PROFILE,)
_ANSWERS: Final = (Purpose.ANSWERS,)
_BOTH: Final = (Purpose.HISTORY, Purpose.PROFILE)
_TOLD: Final = (Purpose.HISTORY, Purpose.ANSWERS)
_EACH: Final = tuple(Purpose)

_GONE: Final = "the rows go, and every file of every version that held them"
_DELETED: Final = "the rows go"

PLACES: Final = (
    Place(
        Kind.LAKE, "interactions", ("user_id", "event_id"), "What you did with which film, and when.", _GONE, _HISTORY
    ),
    Place(
        Kind.LAKE, "users", ("user_id",), "What is known of you: gender, age, occupation, postcode.", _GONE, _PROFILE
    ),
    Place(
        Kind.LAKE,
        "quarantine",
        ("raw", "fields", "detail"),
        "Rows about you that broke a contract, as they came.",
        _GONE,
        _BOTH,
    ),
    Place(Kind.LAKE, "replays", ("key",), "Which of those were taken in later.", _GONE, _BOTH),
    Place(Kind.LAKE, "extras", ("key", "extras"), "What a file said of you that no column takes.", _GONE, _BOTH),
    Place(
        Kind.LAKE,
        "batches",
        ("statistics",),
        "Your id, where it was the smallest or largest of a load.",
        "those two bounds are blanked, and every file of every version that held them goes",
        _BOTH,
    ),
    Place(Kind.LAKE, "user_features", ("user_id",), "Figures that were worked out of what you did.", _GONE, _HISTORY),
    Place(
        Kind.LAKE, "recommendations", ("user_id",), "The films that were chosen for you in advance.", _GONE, _HISTORY
    ),
    Place(
        Kind.STATE,
        "events",
        ("subject", "event_id", "source", "data", "traceparent"),
        "What you did since, as it was told to the API.",
        "a tombstone keeps the offset, and nothing else",
        _HISTORY,
    ),
    Place(
        Kind.STATE,
        "impressions",
        ("user_id", "request", "items", "propensities", "policy"),
        "The lists that you were given, and those for a group that you were of.",
        "the rows go; so does the list of a group, for all of it",
        _ANSWERS,
    ),
    Place(Kind.STATE, "exposures", ("user_id",), "Which arm of which experiment you had.", _DELETED, _ANSWERS),
    Place(
        Kind.STATE,
        "answer_outcomes",
        ("user_id", "positives"),
        "What came of your lists: which films of them, and of all others, you liked afterwards.",
        "the rows go with the lists that they are of",
        _TOLD,
    ),
    Place(
        Kind.STATE,
        "served_features",
        ("user_id", "rows"),
        "What a sample of your lists was made from.",
        _DELETED,
        _TOLD,
    ),
    Place(
        Kind.STATE,
        "online_rows",
        ("key", "packed"),
        "Your history and features, as they are served.",
        _DELETED,
        _HISTORY,
    ),
    Place(Kind.STATE, "fold_states", ("key", "state"), "What your features are worked out from.", _DELETED, _HISTORY),
    Place(
        Kind.STATE,
        "api_keys",
        ("user_id", "name", "created_by"),
        "The keys that may see your data alone.",
        "they are taken back, and what names the person is blanked",
    ),
    Place(
        Kind.FILES,
        "data/training-sets",
        ("user_id",),
        "What was known before each of your words, for training.",
        "a set that has rows of the person goes as a whole; it is built again from the lake",
        _HISTORY,
    ),
    Place(
        Kind.FILES,
        "reports",
        ("user_id",),
        "How good a list for you was when models were judged.",
        "rows go from tables; a page that names the person goes, and the next run writes it again",
        _HISTORY,
    ),
    Place(
        Kind.FILES,
        "data/downloads",
        ("the archives of the data set",),
        "The data set as it was downloaded.",
        "the archives go; downloaded again, rows of the person stay out",
        _BOTH,
    ),
    Place(
        Kind.FILES,
        "models",
        ("none: no bundle holds a user",),
        "Nothing of yours; but a model learned from you.",
        "bundles that learned from the person never serve again, and go when another serves",
    ),
    Place(Kind.FILES, "logs", ("pseudonyms",), "Pseudonyms whose key died with the process.", "nothing can be found"),
    Place(
        Kind.STATE,
        "data_keys",
        ("owner",),
        "The key of yours that back-ups, and the facts of you in the lake, are read with.",
        "it is overwritten, here and where back-ups lie: what it sealed can never be read again",
        _EACH,
    ),
    Place(Kind.STATE, "consents", ("user_id",), "What you permit.", "the rows go"),
    Place(Kind.COPIES, "Redis", ("key",), "Copies of your history and features.", "the keys are deleted", _HISTORY),
    Place(
        Kind.COPIES,
        "Redis sets",
        ("none: hashes of 64 bits",),
        "For an hour: that somebody asked for you, where it is limited for how many.",
        "nothing can be found; each set goes after an hour",
    ),
    Place(
        Kind.COPIES,
        "Redis stream",
        ("subject", "id"),
        "What you did lately, on its way to whoever listens.",
        "the entries are deleted",
        _HISTORY,
    ),
    Place(
        Kind.COPIES,
        "Kafka topic",
        ("subject", "id"),
        "The same, where events go through Kafka.",
        "nothing: records of a topic cannot be removed one by one, they go with its retention; keep that short",
    ),
    Place(
        Kind.MEMORY,
        "servers",
        ("none: answers are kept by a digest of a history",),
        "The last answers, without names.",
        "nothing can be found; they are asked for by no history any more",
    ),
)
"""Every place, in the order in which documents tell of them."""

WITHOUT: Final[dict[str, tuple[str, ...]]] = {
    "interactions": ("kind", "source"),
    "movies": ("title", "language", "imdb_id", "series"),
    "users": ("gender", "occupation", "postcode"),
    "quarantine": ("table", "file", "reason", "source"),
    "replays": ("quarantine_id", "table", "source"),
    "extras": ("table", "source"),
    "batches": ("table", "source", "file", "fingerprint", "reasons", "warnings", "changes"),
    "events": ("type", "time", "recorded_at"),
    "event_logs": ("name",),
    "event_consumers": ("consumer",),
    # An event by its place in the log, and reasons that name nobody.
    "dead_letters": ("consumer", "digest", "code", "reason", "at"),
    "impressions": ("recommendation_id", "at", "source", "bundle_id"),
    "exposures": ("recommendation_id", "rollout", "arm"),
    "answer_outcomes": ("recommendation_id", "at", "release", "arm", "outcome"),
    "answer_joins": ("rule", "looked_to"),
    "served_features": ("recommendation_id", "at", "history", "origin"),
    "online_rows": ("view",),
    "fold_states": ("view",),
    "online_origins": ("view", "digest", "versions"),
    "online_trust": ("namespace",),
    "feature_parity": ("worst",),
    "readings": ("name", "labels"),
    "workers": ("name", "seen_at"),
    "steps": ("name", "fingerprint", "result", "finished_at"),
    "flows": ("flow", "started_at", "ended_at", "outcome", "read", "written", "code_commit"),
    "releases": ("bundle_id", "model", "action", "reason", "gate", "approved_by"),
    "release_seals": ("before", "sha256"),
    "registered_bundles": ("bundle_id", "name", "origin", "by", "manifest"),
    "registry_acts": ("bundle_id", "act", "by", "reason"),
    "alias_moves": ("name", "alias", "bundle_id", "by", "reason"),
    "rollout_moves": ("name", "kind", "action", "said", "reason", "approved_by", "before", "sha256"),
    "rollout_counts": ("server", "arm", "unable"),
    "metric_history": ("series", "server"),
    "trigger_states": ("name", "champion", "sentence", "looked_at"),
    "loop_runs": (
        "trigger",
        "reason",
        "facts",
        "stage",
        "champion",
        "bundle_id",
        "canary",
        "began_at",
        "ended_at",
        "steps",
    ),
    "tmdb_runs": ("question", "started_at", "finished_at"),
    "tmdb_pages": ("list", "content"),
    "tmdb_films": ("outcome", "asked_at", "waiting", "given"),
    "consents": ("purpose", "at", "by", "removed_at"),
    # Of operators, who are no users.
    "console_accounts": ("name", "role", "password", "created_by"),
    "api_keys": ("key_id", "digest", "role", "scope", "revoked_by", "follows"),
    # By pseudonyms alone.
    "audit_entries": ("who", "action", "target", "origin", "outcome", "request_id", "facts"),
    "audit_seals": ("before", "sha256"),
    "data_keys": ("key_id", "wrapped", "master_id", "made_at"),
    "backup_places": ("place", "at"),
    "erased_people": ("pseudonym", "key_check", "requested_at", "finished_at", "by", "done"),
}
"""Columns of texts that hold no id of a user, by table: looked at, and found so."""


def columns_of(kind: Kind) -> dict[str, tuple[str, ...]]:
    """Return what names a person in each table of a kind."""
    return {place.name: place.columns for place in PLACES if place.kind is kind}


def kept_for(kind: Kind, name: str, purposes: Collection[Purpose] | None) -> bool:
    """Return whether a place holds anything for some purposes; ``None`` means whatever for, as an erasure does."""
    if purposes is None:
        return True
    meant = frozenset[Purpose]().union(
        *(place.purposes for place in PLACES if (place.kind, place.name) == (kind, name))
    )
    return not meant.isdisjoint(purposes)


def reference() -> Iterator[str]:
    """Yield the lines of the document's table."""
    yield "| where | what names a person | what it holds | what an erasure does | so does a withdrawal of |"
    yield "|---|---|---|---|---|"
    for place in PLACES:
        columns = ", ".join(place.columns)
        purposes = ", ".join(f"`{purpose}`" for purpose in place.purposes)
        yield f"| {place.kind}: `{place.name}` | {columns} | {place.holds} | {place.erased} | {purposes} |"
