"""Column names: every table, frame and JSON document uses these words."""

from typing import Final

# An interaction: what somebody did with a movie.
EVENT_ID: Final = "event_id"
USER_ID: Final = "user_id"
MOVIE_ID: Final = "movie_id"
KIND: Final = "kind"
VALUE: Final = "value"
EVENT_TIME: Final = "event_time"
INGESTED_AT: Final = "ingested_at"
SOURCE: Final = "source"

# A movie.
TITLE: Final = "title"
YEAR: Final = "year"
GENRES: Final = "genres"
DIRECTORS: Final = "directors"
LANGUAGE: Final = "language"
RUNTIME: Final = "runtime_minutes"
TMDB_ID: Final = "tmdb_id"
IMDB_ID: Final = "imdb_id"
KEYWORDS: Final = "keywords"
CAST: Final = "cast"
SERIES: Final = "series"

# A user: personal data. A table that has one of these columns tells of people.
GENDER: Final = "gender"
AGE: Final = "age"
OCCUPATION: Final = "occupation"
POSTCODE: Final = "postcode"
# How the lake's files keep what is personal.
SEALED: Final = "sealed"

# A quarantined row.
TABLE: Final = "table"
FILE: Final = "file"
LINE: Final = "line"
REASON: Final = "reason"
DETAIL: Final = "detail"
RAW: Final = "raw"
FIELDS: Final = "fields"

# What became of a quarantined row, or what has no place in its table.
QUARANTINE_ID: Final = "quarantine_id"
KEY: Final = "key"
REPLAYED_AT: Final = "replayed_at"
EXTRAS: Final = "extras"

# A batch: one load of one table.
FINGERPRINT: Final = "fingerprint"
ROWS_READ: Final = "rows_read"
ROWS_GOOD: Final = "rows_good"
ROWS_NEW: Final = "rows_new"
ROWS_QUARANTINED: Final = "rows_quarantined"
ROWS_OUTSIDE: Final = "rows_outside"
REASONS: Final = "reasons"
WARNINGS: Final = "warnings"
CHANGES: Final = "changes"
STATISTICS: Final = "statistics"
SECONDS: Final = "seconds"

# Feedback: the latest word of a user on a movie, as models see it.
WEIGHT: Final = "weight"
