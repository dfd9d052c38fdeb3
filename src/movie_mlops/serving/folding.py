"""Text as a search sees it: no case, no accents, words only."""

import re
import unicodedata
from typing import Final

# Letters that Unicode does not take apart into a base and a mark.
_LETTERS: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h"})
_APOSTROPHES: Final = re.compile(r"['’`´]")  # noqa: RUF001 - the typographic apostrophe is meant
_WORD: Final = re.compile(r"[^\W_]+")
ARTICLES: Final = frozenset({"the", "a", "an", "le", "la", "les", "l", "il", "el", "los", "las", "der", "die", "das"})


def words(text: str) -> list[str]:
    """Return the words of ``text`` in order: ``"Amélie's Été"`` gives ``["amelies", "ete"]``."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
        text = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return _WORD.findall(_APOSTROPHES.sub("", text.casefold()))


def title_keys(title_words: list[str]) -> list[str]:
    """Return what a query may be to name this title exactly: as it is, and without its article at either end."""
    if not title_words:
        return []
    keys = [" ".join(title_words)]
    if len(title_words) > 1 and title_words[0] in ARTICLES:
        keys.append(" ".join(title_words[1:]))
    if len(title_words) > 1 and title_words[-1] in ARTICLES:
        keys += [" ".join(title_words[:-1]), " ".join([title_words[-1], *title_words[:-1]])]
    return keys
