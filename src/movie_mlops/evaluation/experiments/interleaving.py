"""Two models in one list: whose films are taken is a vote for the model that put them there.

A person compares both at once, so that differences between people do not count and far fewer of them are needed than
with arms. In a team draft the two choose in turns, as captains choose their teams, and who begins each round is a coin:
so neither stands higher than the other for any reason but chance.

References:
    F. Radlinski, M. Kurup, T. Joachims, "How Does Clickthrough Data Reflect Retrieval Quality?", CIKM 2008. O.
    Chapelle, T. Joachims, F. Radlinski, Y. Yue, "Large-Scale Validation and Analysis of Interleaved Search Evaluation",
    ACM TOIS 2012 (credit: more taken films win a list; equally many are no vote).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import betaln

from movie_mlops.evaluation.experiments.rates import rate_interval

_EVEN: Final = 0.5


@dataclass(frozen=True)
class Draft:
    """A list that two models made together.

    Attributes:
        items: The films, the best first.
        teams: Whose choice each was: 0 of the first model, 1 of the second.
    """

    items: tuple[int, ...]
    teams: tuple[int, ...]


@dataclass(frozen=True)
class Preference:
    """Which of two models people prefer.

    Attributes:
        wins: How many people took more films of the first.
        losses: How many took more of the second.
        share: Wins of those two; ``None`` where there are none.
        low: Lower end of its interval, which may be looked at all the time.
        high: Upper end.
        p_value: Always valid, for no preference.
    """

    wins: int
    losses: int
    share: float | None
    low: float
    high: float
    p_value: float

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {name: getattr(self, name) for name in ("wins", "losses", "share", "low", "high", "p_value")}


def draft(first: Sequence[int], second: Sequence[int], k: int, generator: np.random.Generator) -> Draft:
    """Let two rankings choose a list together.

    Args:
        first: What the first would show, the best first; no film twice.
        second: The same of the second.
        k: How many films.
        generator: The coin.
    """
    rankings = (first, second)
    nexts = [0, 0]
    chosen: dict[int, int] = {}
    while len(chosen) < k:
        before = len(chosen)
        begins = int(generator.integers(2))
        for team in (begins, 1 - begins):
            ranking = rankings[team]
            while nexts[team] < len(ranking) and ranking[nexts[team]] in chosen:
                nexts[team] += 1
            if nexts[team] < len(ranking) and len(chosen) < k:
                chosen[ranking[nexts[team]]] = team
        if len(chosen) == before:
            break
    return Draft(tuple(chosen), tuple(chosen.values()))


def credit(items: Sequence[int], teams: Sequence[int], taken: Collection[int]) -> int:
    """Return whom a list speaks for: 1 for the first model, -1 for the second, 0 for neither.

    Args:
        items: The list.
        teams: Whose choice each film was.
        taken: The films that somebody took.
    """
    of = [teams[place] for place, item in enumerate(items) if item in taken]
    return int(np.sign(of.count(0) - of.count(1)))


def preference(wins: int, losses: int, alpha: float) -> Preference:
    """Return which model people prefer; may be looked at after every vote.

    Args:
        wins: Votes for the first model, one for each person, so that nobody counts twice.
        losses: Votes for the second.
        alpha: How often the interval may ever miss.
    """
    low, high = rate_interval(wins, wins + losses, alpha)
    votes = wins + losses
    against = float(betaln(_EVEN + wins, _EVEN + losses) - betaln(_EVEN, _EVEN) - votes * np.log(_EVEN))
    return Preference(
        wins=wins,
        losses=losses,
        share=wins / votes if votes else None,
        low=float(low),
        high=float(high),
        p_value=float(np.exp(-max(against, 0.0))),
    )
