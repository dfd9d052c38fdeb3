"""Search by title: mistakes, Korean, what is being typed."""

import numpy as np
import pytest

from movie_mlops.serving import Catalogue, Film
from movie_mlops.serving.folding import initials, words
from movie_mlops.serving.search import TitleIndex
from movie_mlops.serving.spelling import Spelling

FILMS = [
    Film(1, "Toy Story", 1995, (), ("John Lasseter",), likes=9),
    Film(2, "The Matrix", 1999, (), ("Lana Wachowski",), likes=40),
    Film(3, "Matrix Reloaded, The", 2003, (), ("Lana Wachowski",), likes=60),
    Film(4, "Amélie", 2001, (), ("Jean-Pierre Jeunet",), likes=20),
    Film(5, "Schindler's List", 1993, (), ("Steven Spielberg",), likes=45),
    Film(6, "괴물 (The Host)", 2006, (), ("봉준호",), likes=12),
    Film(7, "살인의 추억", 2003, (), ("봉준호",), likes=30),
    Film(8, "사랑", 2007, (), ("곽경택",), likes=3),
    Film(9, "Storsjön", 2011, (), (), likes=1),
]
KNOWN = sorted({word for film in FILMS for word in words(film.title)})


def found(query: str) -> tuple[list[int], str | None]:
    catalogue = Catalogue(FILMS)
    answer = catalogue.find(query)
    return [catalogue.films[position].movie_id for position in answer.films.tolist()], answer.corrected


@pytest.mark.parametrize(
    ("query", "films", "corrected"),
    [
        ("matirx", [2, 3], "matrix"),  # swapped
        ("matrx", [2, 3], "matrix"),  # left out
        ("mattrix", [2, 3], "matrix"),  # put in
        ("mateix", [2, 3], "matrix"),  # changed
        ("the matirx", [2, 3], "the matrix"),  # the exact title first
        ("toy stroy", [1], "toy story"),
        ("toy stors", [1], "toy story"),  # what another title begins with
        ("shindlers", [5], "schindlers"),
        ("shindl", [5], "schindlers"),  # a mistake in what is not typed to its end
        ("spielburg lisst", [5], "spielberg list"),
        ("speilbrg", [5], "spielberg"),  # two mistakes in a long word
        ("amelei", [4], "amelie"),
        ("AMÉLEI", [4], "amelie"),
        ("matrix 1998", [2], "matrix 1999"),
        ("괴믈", [6], "괴물"),
        ("toy matrix", [], None),  # two films
        ("tou", [], None),  # too short to be guessed
        ("qqqqqq", [], None),
        ("xyzzyxyzzy", [], None),
    ],
)
def test_mistakes_are_forgiven(query: str, films: list[int], corrected: str | None) -> None:
    """A word of four letters may have one mistake, of eight two; the answer says which word was meant."""
    folded = None if corrected is None else " ".join(words(corrected))
    assert found(query) == (films, folded)


@pytest.mark.parametrize(
    "query", ["괴", "괴ㅁ", "괴무", "괴물", "고ㅣ물", "봉준호 괴", "the host 괴물", "ㄱㅁ", "ㅂㅈㅎ ㄱㅁ"]
)
def test_korean_is_found_as_it_is_typed(query: str) -> None:
    """Every step of typing a Korean word finds it, and so do its first consonants; both languages of a title count."""
    films, corrected = found(query)
    assert (6 in films, corrected) == (True, None)


def test_korean_letters_move_between_syllables() -> None:
    """살 is on the way to 사랑; what is typed as a whole word comes first."""
    assert found("살")[0] == [7, 8]
    assert found("사랑")[0] == [8]
    assert found("ㅅㅇ ㅊㅇ")[0] == [7]


def test_syllables_become_keys() -> None:
    """A syllable is folded into the keys that type it, also its double letters; initials are of Korean words alone."""
    assert words("값 괴 ㄳ") == ["ㄱㅏㅂㅅ", "ㄱㅗㅣ", "ㄱㅅ"]
    assert words("ガ café") == ["カ", "cafe"]
    assert initials("살인의 추억 2 Host 봉a") == ["ㅅㅇㅇ", "ㅊㅇ"]
    assert initials("plain") == []


def test_what_is_written_right_is_never_corrected() -> None:
    """As long as a film has the words, nothing is corrected, however near another word is."""
    index = TitleIndex([("Heat", ""), ("Heart", ""), ("Heal", "")], np.arange(3))
    assert (index.search("heat").films.tolist(), index.search("heat").corrected) == ([0], None)
    assert index.search("hea").films.tolist() == [0, 1, 2]
    assert sorted(index.search("heab").films.tolist()) == [0, 2]


def test_only_so_many_words_are_corrected() -> None:
    """A query of many unknown words costs no more than one of a few: after the sixth none is corrected."""
    mistakes = ["stroy", "sotry", "stori", "stury", "atory", "storyy", "stoyr"]
    assert found(" ".join(mistakes[:6])) == ([1], " ".join(["story"] * 6))
    assert found(" ".join(mistakes)) == ([], None)


def slow_distance(one: str, other: str) -> int:
    """Optimal string alignment by its definition."""
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    table[:, 0], table[0] = range(len(one) + 1), range(len(other) + 1)
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i - 1] != other[j - 1])
            )
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return int(table[-1, -1])


def test_near_words_are_those_that_the_definition_gives() -> None:
    """Among random words over few letters the nearest are found as a slow comparison finds them, none left out."""
    chance = np.random.default_rng(1)
    vocabulary = sorted({"".join(chance.choice(list("abcd"), chance.integers(2, 12))) for _ in range(150)})
    spelling = Spelling(vocabulary)
    for _ in range(30):
        word = "".join(chance.choice(list("abcd"), chance.integers(3, 11)))
        most = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
        whole = {known: slow_distance(word, known) for known in vocabulary}
        fewest = min(whole.values())
        near = [known for known, far in whole.items() if far == fewest] if most and fewest <= most else []
        assert sorted(spelling.near(word, unfinished=False)) == near
        begun = {known: min(slow_distance(word, known[:cut]) for cut in range(len(known) + 1)) for known in vocabulary}
        least = min(begun.values())
        if least < fewest:
            near = [known for known, far in begun.items() if far == least] if most and least <= most else []
        assert sorted(spelling.near(word, unfinished=True)) == near


def test_words_without_end_are_no_harm() -> None:
    """Very long words are neither corrected nor near to anything, and an empty vocabulary knows nothing."""
    assert Spelling([]).near("matrix", unfinished=True) == []
    spelling = Spelling(["a" * 300, "matrix"])
    assert spelling.near("a" * 299, unfinished=False) == []
    assert spelling.near("b" + "a" * 9, unfinished=False) == []
    assert spelling.near("b" + "a" * 9, unfinished=True) == ["a" * 300]
