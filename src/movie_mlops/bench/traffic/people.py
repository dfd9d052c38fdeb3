"""What people ask for: the simulation's people, with tastes that are known, as requests over the line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from movie_mlops.bench.traffic.config import LoadBenchConfig
from movie_mlops.core import columns as c
from movie_mlops.simulation import Population, PopulationConfig, find

_ACTIVE: Final = 1.1
"""How far apart people are in how often they come: log-normal, as the likes of 'generated_likes' are."""
_WORDS: Final = 12.0
"""How many films each finds on average in what is drawn for them."""
_SHARES: Final[Mapping[str, float]] = {"list": 0.55, "event": 0.25, "similar": 0.12, "search": 0.08}
"""Of the requests. An assumption, to be seen in the record; that of a site whose people read more than they say."""
_K: Final = 10
_LIKED: Final = 12


class People:
    """People who ask a server.

    Args:
        config: How many, and the seed.
        movie_ids: The server's films, of which the first so many are those of the people's tastes.
        user_ids: The people that the server knows; none where nobody is to be known by it. Then lists are asked for
            with the films that somebody likes, and nothing is told of anybody.
    """

    def __init__(self, config: LoadBenchConfig, movie_ids: Sequence[int], user_ids: Sequence[str]) -> None:
        self._chance = np.random.default_rng(config.seed)
        films = min(config.films, len(movie_ids))
        population = Population.begin(PopulationConfig(seed=config.seed, users=config.users, films=films), self._chance)
        own = population.films[c.MOVIE_ID].to_list()
        films_of = dict(zip(own, list(movie_ids)[:films], strict=True))
        known = np.zeros((config.users, films), dtype=bool)
        _, words = find(population, population.truth(), np.full(config.users, _WORDS), known, self._chance)
        spoken = words.sample(fraction=1.0, shuffle=True, seed=config.seed)
        self._words = [
            {"user": int(user[1:]), "movie_id": films_of[film], "kind": kind, "value": value}
            for user, film, kind, value in spoken.select(c.USER_ID, c.MOVIE_ID, c.KIND, c.VALUE).iter_rows()
        ]
        self._movie_ids, self._user_ids, self._config = list(movie_ids), list(user_ids), config
        weight = self._chance.lognormal(0, _ACTIVE, config.users)
        self._weight: NDArray[np.float64] = weight / weight.sum()
        self._liked = self._by_person()

    def requests(self, count: int, host: str) -> tuple[list[str], tuple[bytes, ...]]:
        """Return the kind of each request, and each as it goes over the line."""
        kinds, lines = [], []
        for kind, method, path, body in self._asked(count):
            kinds.append(kind)
            head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n"
            if body is None:
                lines.append(f"{head}\r\n".encode())
                continue
            sent = orjson.dumps(body)
            lines.append(f"{head}content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n".encode() + sent)
        return kinds, tuple(lines)

    def _asked(self, count: int) -> Iterator[tuple[str, str, str, dict[str, Any] | None]]:
        names, shares = list(_SHARES), np.array(list(_SHARES.values()))
        drawn = self._chance.choice(len(names), count, p=shares / shares.sum())
        people = self._chance.choice(len(self._weight), count, p=self._weight)
        films = self._chance.choice(self._movie_ids, count)
        said = 0
        for place, (kind, person, film) in enumerate(zip(drawn.tolist(), people.tolist(), films.tolist(), strict=True)):
            name = names[kind]
            if name == "event" and self._user_ids:
                word, said = self._words[said % len(self._words)], said + 1
                yield name, "POST", "/v1/events", self._event(word, place)
            elif name == "similar":
                yield name, "GET", f"/v1/movies/{film}/similar?k={_K}", None
            elif name == "search":
                yield name, "GET", f"/v1/movies?query=film%20{film}&k={_K}", None
            elif self._user_ids:
                user = self._user_ids[person % len(self._user_ids)]
                yield "list", "GET", f"/v1/users/{user}/recommendations?k={_K}", None
            else:
                yield "list", "POST", "/v1/recommendations", {"history": self._liked[person], "k": _K}

    def _event(self, word: Mapping[str, Any], place: int) -> dict[str, Any]:
        user = self._user_ids[word["user"] % len(self._user_ids)]
        told = {
            "event_id": f"load-{self._config.seed}-{place}",
            "user_id": user,
            "movie_id": word["movie_id"],
            "kind": word["kind"],
        }
        return told if word["value"] is None else {**told, "value": word["value"]}

    def _by_person(self) -> list[list[dict[str, int]]]:
        """Return what each person likes, as a request tells it; who likes nothing has a film all the same."""
        liked: list[dict[int, None]] = [{} for _ in self._weight]
        for word in self._words:
            if len(liked[word["user"]]) < _LIKED:
                liked[word["user"]][word["movie_id"]] = None
        return [[{"movie_id": film} for film in films or self._movie_ids[:1]] for films in liked]
