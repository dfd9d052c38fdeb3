"""Where a list goes on: what the pages before have shown, in a word that a caller hands back.

The word holds the films themselves, so that no page repeats one whatever happens in between: an event, another
release, another server. It also names the release and what was asked, in a digest; a word that belongs to another
question is refused.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Self

import orjson

from movie_mlops.core.contract import LARGEST_ID
from movie_mlops.serving.errors import BadRequestError

START: Final = "start"
"""What asks for the first of several pages."""
MOST_SHOWN: Final = 1000
"""How many films the pages of one list hold together."""
LONGEST: Final = 16_000
"""How many characters such a word has at most."""

_VERSION: Final = 1
_DIGEST: Final = 8
_MORE: Final = 0x80
_SEVEN: Final = 7
_LONGEST_NUMBER: Final = 9


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the pages before have shown.

    Attributes:
        release_id: The release of the first page; ``None`` where none was loaded, or for the first page itself.
        digest: Of the question; empty for the first page.
        shown: The films of all pages before.
    """

    release_id: int | None = None
    digest: bytes = b""
    shown: frozenset[int] = frozenset()

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ``"start"`` or what :meth:`write` wrote.

        Raises:
            BadRequestError: It is neither.
        """
        if text == START:
            return cls()
        try:
            release, digest, shown = _read(text)
        except (ValueError, IndexError) as error:
            raise BadRequestError(
                "The cursor cannot be read.",
                next_step=f"Begin with cursor={START}, then send the 'next' of the answer.",
            ) from error
        return cls(release - 1 if release else None, digest, frozenset(shown))

    def write(self) -> str:
        """Return the cursor as a word for an address."""
        ordered = sorted(self.shown)
        steps = [later - earlier for earlier, later in zip([0, *ordered], ordered, strict=False)]
        numbers = [0 if self.release_id is None else self.release_id + 1, *steps]
        packed = bytes([_VERSION]) + self.digest + b"".join(map(_packed, numbers))
        return base64.urlsafe_b64encode(packed).decode("ascii")

    def after(self, asked: Mapping[str, Any], release_id: int | None, films: Iterable[int]) -> Self | None:
        """Return the cursor of the next page; ``None`` where the pages hold as many films as they may.

        Args:
            asked: The question, in plain data.
            release_id: The release that answered this page.
            films: What this page shows.
        """
        shown = self.shown.union(films)
        first = self.release_id if self.digest else release_id
        return None if len(shown) >= MOST_SHOWN else type(self)(first, _digest(asked), shown)

    def check(self, asked: Mapping[str, Any]) -> None:
        """Do nothing where the cursor belongs to the question.

        Raises:
            BadRequestError: It belongs to another one.
        """
        if self.digest and self.digest != _digest(asked):
            raise BadRequestError(
                "The cursor belongs to another question.",
                next_step="Ask for the next page with the words of the page before; only k and explain may change.",
            )


def _read(text: str) -> tuple[int, bytes, list[int]]:
    """Return the numbers of a cursor.

    Raises:
        ValueError: There are none, or wrong ones.
        IndexError: There are too few.
    """
    packed = base64.b64decode(text.encode("ascii"), b"-_", validate=True)
    release, *steps = _numbers(packed[1 + _DIGEST :])
    shown = list(_sums(steps))
    if packed[0] != _VERSION or len(shown) > MOST_SHOWN or any(movie_id > LARGEST_ID for movie_id in shown):
        raise ValueError(text)
    return release, packed[1 : 1 + _DIGEST], shown


def _digest(asked: Mapping[str, Any]) -> bytes:
    return blake2b(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS), digest_size=_DIGEST).digest()


def _packed(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number >= _MORE:
        groups.append(number & (_MORE - 1) | _MORE)
        number >>= _SEVEN
    return bytes([*groups, number])


def _numbers(packed: bytes) -> Iterator[int]:
    number = place = 0
    for group in packed:
        number |= (group & (_MORE - 1)) << (_SEVEN * place)
        place += 1
        if place > _LONGEST_NUMBER:
            raise ValueError(number)
        if not group & _MORE:
            yield number
            number = place = 0
    if place:
        raise ValueError(number)


def _sums(steps: Iterable[int]) -> Iterator[int]:
    total = 0
    for step in steps:
        total += step
        yield total
