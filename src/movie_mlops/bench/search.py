"""How fast films are found by title, with and without mistakes, beside SQLite's full-text search over the same."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from movie_mlops.bench.config import SearchBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_most
from movie_mlops.core.digests import file_digest
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.serving import Catalogue, Film

_SHOWN: Final = 10
_LONG_ENOUGH: Final = 4
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_CONSONANTS, _VOWELS, _ACCENTS = "bcdfghjklmnprstvwz", "aeiou", str.maketrans("aeou", "áéöü")
_HANGUL: Final = (0xAC00, 0xD7A4)
_KINDS: Final = ("whole title", "being typed", "one mistake", "nothing like it")

Query = tuple[str, int | None]
"""What is asked, and the film that is meant."""


def bench_search(config: SearchBenchConfig, out: Path, *, command: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure searches over a catalogue of the size of ML-25M's, and write a file.

    Every kind of query is measured by itself, one query after another in one thread; of those that mean a film it is
    counted how often that film is among the first ten. SQLite's FTS5 answers the same queries that have no mistake.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: The catalogue cannot be read.
    """
    machine = machine_facts()
    chance = np.random.default_rng(config.seed)
    films = list(_made_up(config.films, chance)) if config.catalogue is None else _read(config.catalogue)
    began = time.perf_counter()
    catalogue = Catalogue(films)
    built = time.perf_counter() - began
    korean = [film for film in films if any(ord(letter) >= _HANGUL[0] for letter in film.title)]
    asked = {kind: list(_queries(kind, films, config.queries, chance)) for kind in _KINDS}
    if korean:
        asked["Korean, being typed"] = list(_queries("being typed", korean, config.queries, chance))
    rival = _full_text(films)
    runs = []
    with progress.task("Searching", len(asked), "kinds") as advance:
        for kind, queries in asked.items():
            runs.append(_run("movie-mlops", kind, queries, lambda query: _ours(catalogue, query)))
            if kind in {"whole title", "being typed"}:
                runs.append(
                    _run(f"SQLite {sqlite3.sqlite_version} FTS5", kind, queries, lambda query: _theirs(rival, query))
                )
            advance(1)
    rival.close()
    ours = {run["queries"]: run for run in runs if run["by"] == "movie-mlops"}
    found = {
        "setup": {
            "films": len(films),
            "titles": "made up" if config.catalogue is None else "given",
            "catalogue_sha256": None if config.catalogue is None else file_digest(config.catalogue),
            "korean_titles": len(korean),
            "queries_of_each_kind": config.queries,
            "seed": config.seed,
        },
        "build_seconds": round(built, 3),
        "runs": runs,
        "ratios": {
            run["queries"]: round(run["milliseconds"]["p50"] / ours[run["queries"]]["milliseconds"]["p50"], 2)
            for run in runs
            if run["by"] != "movie-mlops"
        },
        "targets": [
            at_most(f"{kind}, p99, milliseconds", config.p99_ms, run["milliseconds"]["p99"])
            for kind, run in ours.items()
        ],
    }
    return write_record(out, "search", command, machine, found)


def _run(by: str, kind: str, queries: Sequence[Query], search: Callable[[str], list[int]]) -> dict[str, Any]:
    samples = np.empty(len(queries))
    hits = meant = 0
    for query, _ in queries[: len(queries) // 10]:
        search(query)
    for place, (query, film) in enumerate(queries):
        began = time.perf_counter()
        found = search(query)
        samples[place] = time.perf_counter() - began
        if film is not None:
            meant += 1
            hits += film in found
    share = round(hits / meant, 4) if meant else None
    return {"by": by, "queries": kind, "milliseconds": summary(samples * 1000), "meant_film_in_first_ten": share}


def _ours(catalogue: Catalogue, query: str) -> list[int]:
    found: list[int] = catalogue.movie_ids[catalogue.search(query)[:_SHOWN]].tolist()
    return found


def _theirs(index: sqlite3.Connection, query: str) -> list[int]:
    words = re.findall(r"\w+", query)
    named = " ".join(f'"{word}"*' for word in words)
    rows = index.execute("SELECT rowid FROM films WHERE films MATCH ? ORDER BY rank LIMIT ?", (named, _SHOWN))
    return [row[0] for row in rows] if words else []


def _full_text(films: Sequence[Film]) -> sqlite3.Connection:
    index = sqlite3.connect(":memory:")
    index.execute(
        "CREATE VIRTUAL TABLE films USING fts5(title, tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
    )
    index.executemany("INSERT INTO films (rowid, title) VALUES (?, ?)", ((film.movie_id, film.title) for film in films))
    return index


def _queries(kind: str, films: Sequence[Film], count: int, chance: np.random.Generator) -> Iterator[Query]:
    for place in chance.integers(0, len(films), count).tolist():
        film = films[place]
        words = film.title.split()
        if kind == "nothing like it":
            yield "".join(chance.choice(list(_LETTERS), 12)), None
        elif kind == "whole title":
            yield film.title, film.movie_id
        elif kind == "being typed":
            yield film.title[: int(chance.integers(1, len(film.title) + 1))].strip() or film.title, film.movie_id
        else:
            long = [number for number, word in enumerate(words) if len(word) >= _LONG_ENOUGH and word.isascii()]
            if long:
                number = int(chance.choice(long))
                words[number] = _mistaken(words[number], chance)
            yield " ".join(words), film.movie_id


def _mistaken(word: str, chance: np.random.Generator) -> str:
    """Return a word with a letter left out, put in, changed, or swapped with the next."""
    place, letter = int(chance.integers(0, len(word) - 1)), str(chance.choice(list(_LETTERS)))
    head, tail = word[:place], word[place:]
    ways = (head + tail[1:], head + letter + tail, head + letter + tail[1:], head + tail[1] + tail[0] + tail[2:])
    return ways[int(chance.integers(0, len(ways)))]


def _made_up(count: int, chance: np.random.Generator) -> Iterator[Film]:
    """Yield films with titles as catalogues have them: some words common, most rare, some with accents, some Korean."""
    vocabulary = [_word(chance) for _ in range(count * 2 // 3)]
    people = [f"{_word(chance).capitalize()} {_word(chance).capitalize()}" for _ in range(count // 3)]
    # Words of titles follow Zipf's law.
    shares = 1 / np.arange(10, len(vocabulary) + 10)
    drawn = iter(chance.choice(len(vocabulary), count * 6, p=shares / shares.sum()).tolist())
    for movie_id, length in enumerate(chance.integers(1, 6, count).tolist(), start=1):
        words = [vocabulary[next(drawn)] for _ in range(length)]
        kind = chance.random()
        if kind < 0.05:  # noqa: PLR2004 - one in twenty
            words = [
                "".join(map(chr, chance.integers(*_HANGUL, int(chance.integers(1, 5))))) for _ in range(min(length, 3))
            ]
        elif kind < 0.1:  # noqa: PLR2004 - one in twenty
            words[-1] = words[-1].translate(_ACCENTS)
        elif kind < 0.4:  # noqa: PLR2004 - three in ten
            words.insert(0, "the")
        yield Film(
            movie_id,
            " ".join(words).title(),
            int(chance.integers(1930, 2025)),
            (),
            (people[int(chance.integers(0, len(people)))],),
            likes=int(chance.pareto(1.0) * 10),
        )


def _word(chance: np.random.Generator) -> str:
    syllables = int(chance.integers(1, 5))
    consonants, vowels = chance.choice(list(_CONSONANTS), syllables), chance.choice(list(_VOWELS), syllables)
    end = str(chance.choice(["", "n", "r", "s", "t", "ng"]))
    return "".join(map("".join, zip(consonants, vowels, strict=True))) + end


def _read(file: Path) -> list[Film]:
    try:
        rows = pl.read_csv(file, columns=["movieId", "title"]).iter_rows()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BenchError(
            f"The catalogue {file} cannot be read ({error}).",
            next_step="Give a CSV file with the columns movieId, title.",
        ) from error
    films = []
    for movie_id, title in rows:
        match = re.fullmatch(r"(.*?)\s*\((\d{4})\)\s*", title)
        films.append(Film(int(movie_id), match[1] if match else title, int(match[2]) if match else None))
    return films
