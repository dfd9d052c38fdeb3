"""Text as a search sees it: no case, no accents, words only; Korean as the keys that type it.

A Korean syllable is taken apart into the letters of the keyboard, so that what has been typed so far begins the word
that is meant: 사, 살 and 사라 are all on the way to 사랑.
"""

import re
import unicodedata
from typing import Final

# Letters that Unicode does not take apart into a base and a mark.
_LETTERS: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h"})
# The parts of a syllable by the keys that type them: first consonants, vowels, last consonants, as Unicode orders them.
_FIRST: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS: Final = "ㅏ ㅐ ㅑ ㅒ ㅓ ㅔ ㅕ ㅖ ㅗ ㅗㅏ ㅗㅐ ㅗㅣ ㅛ ㅜ ㅜㅓ ㅜㅔ ㅜㅣ ㅠ ㅡ ㅡㅣ ㅣ"
_LAST: Final = "ㄱ ㄲ ㄱㅅ ㄴ ㄴㅈ ㄴㅎ ㄷ ㄹ ㄹㄱ ㄹㅁ ㄹㅂ ㄹㅅ ㄹㅌ ㄹㅍ ㄹㅎ ㅁ ㅂ ㅂㅅ ㅅ ㅆ ㅇ ㅈ ㅊ ㅋ ㅌ ㅍ ㅎ"
_KEYS: Final = {
    chr(begin + place): keys
    for begin, parts in ((0x1100, [*_FIRST]), (0x1161, _VOWELS.split()), (0x11A8, _LAST.split()))
    for place, keys in enumerate(parts)
}
_SYLLABLES: Final = (0xAC00, 0xD7A3)
_OF_ONE_FIRST: Final = 588
"""How many syllables begin with the same consonant."""
_APOSTROPHES: Final = re.compile(r"['’`´]")  # noqa: RUF001 - the typographic apostrophe is meant
_WORD: Final = re.compile(r"[^\W_]+")
ARTICLES: Final = frozenset({"the", "a", "an", "le", "la", "les", "l", "il", "el", "los", "las", "der", "die", "das"})


def words(text: str) -> list[str]:
    """Return the words of ``text`` in order: ``"Amélie's Été"`` gives ``["amelies", "ete"]``."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
        text = "".join(_KEYS.get(mark, mark) for mark in decomposed if not unicodedata.combining(mark))
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


def initials(text: str) -> list[str]:
    """Return the first consonants of each Korean word: ``"살인의 추억"`` gives ``["ㅅㅇㅇ", "ㅊㅇ"]``."""
    if text.isascii():
        return []
    first, last = _SYLLABLES
    return [
        "".join(_FIRST[(ord(letter) - first) // _OF_ONE_FIRST] for letter in word)
        for word in _WORD.findall(unicodedata.normalize("NFC", text))
        if all(first <= ord(letter) <= last for letter in word)
    ]


def only_initials(word: str) -> bool:
    """Return whether a word of a query is nothing but first consonants."""
    return all(letter in _FIRST for letter in word)
