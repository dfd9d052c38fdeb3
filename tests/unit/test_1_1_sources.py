"""Sources: every layout of MovieLens, anybody's file, and what a wrong one is told."""

import zipfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.ingest import RawTable, SourceError, SourceOptions, open_source, parsing

CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n2,11,3.5,964981247\n",
    "movies.csv": "movieId,title,genres\n"
    "1,Toy Story (1995),Adventure|Comedy\n"
    '11,"American President, The (1995)",(no genres listed)\n',
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n11,0112346,\n",
}
DAT_1M = {
    "ratings.dat": "1::1193::5::978300760\n1::661::3::978302109\n",
    "movies.dat": "661::Misérables, Les (1995)::Drama|Musical\n1193::One Flew (1975)::Drama\n".encode("latin-1"),
    "users.dat": "1::F::1::10::48067\n",
}
DAT_10M = {
    "ratings.dat": "1::122::5::838985046\n",
    "movies.dat": "122::Amélie (2001)::Comedy|Romance\n",
    "tags.dat": "15::4973::excellent!::1215184630\n",
}
FLAGS = {
    "unknown": "267|unknown||||" + "|".join("1" + "0" * 18),
    "toy": "1|Toy Story (1995)|01-Jan-1995||http://x|" + "|".join("0001110000000000000"),
    "léon": "2|Léon (1994)|01-Jan-1994||http://x|" + "|".join("0100000000000000100"),
}
K100 = {
    "u.data": "196\t1\t3\t881250949\n186\t2\t5\t891717742\n",
    "u.item": "\n".join(FLAGS.values()).encode("latin-1"),
    "u.user": "196|24|M|technician|85711\n",
}


def fill(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(path: Path, files: Mapping[str, str | bytes], top: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(top + name, content)
    return path


def rows(table: RawTable, *columns: str) -> list[tuple[object, ...]]:
    return table.frame.select(columns).rows()


def movielens(path: Path, tmp_path: Path):
    source = open_source(f"movielens:{path}", downloads=tmp_path / "downloads")
    source.prepare(None)
    return source


def of_file(path: Path, **options):
    source = open_source(f"file:{path}", downloads=path.parent, options=SourceOptions(**options))
    source.prepare(None)
    return source


@pytest.mark.parametrize("form", ["folder", "zip", "zip with a top folder"])
def test_csv_releases_are_read(tmp_path: Path, form: str) -> None:
    """The CSV layout (ml-20m and later) is read from a folder, a zip, and a zip with a top folder, with its links."""
    if form == "folder":
        path = fill(tmp_path / "ml-20m", CSV)
    else:
        path = zipped(tmp_path / "ml-20m.zip", CSV, "ml-20m/" if "top" in form else "")
    source = movielens(path, tmp_path)
    assert source.dataset == "ml-20m"
    assert rows(source.interactions(), "line", "user_id", "movie_id", "value", "event_time") == [
        (2, "1", "1", "4.0", "964982703"),
        (3, "2", "11", "3.5", "964981247"),
    ]
    assert rows(source.movies(), "line", "movie_id", "title", "genres", "imdb_id", "tmdb_id") == [
        (2, "1", "Toy Story (1995)", "Adventure|Comedy", "0114709", "862"),
        (3, "11", "American President, The (1995)", "(no genres listed)", "0112346", ""),
    ]


@pytest.mark.parametrize("in_zip", [False, True])
@pytest.mark.parametrize(
    ("files", "title", "first"),
    [
        (DAT_1M, "Misérables, Les (1995)", ("1", "1193", "5", "978300760")),
        (DAT_10M, "Amélie (2001)", ("1", "122", "5", "838985046")),
    ],
)
def test_dat_releases_are_read_in_their_encoding(
    tmp_path: Path, files: Mapping[str, str | bytes], title: str, first: tuple[str, ...], in_zip: bool
) -> None:
    """The "::" layout is read as Latin-1 for ml-1m and as UTF-8 for ml-10m, and accents stay right."""
    path = zipped(tmp_path / "x.zip", files, "x/") if in_zip else fill(tmp_path / "x", files)
    source = movielens(path, tmp_path)
    assert source.movies().frame["title"][0] == title
    assert rows(source.interactions(), "user_id", "movie_id", "value", "event_time")[0] == first


def test_ml_100k_is_read_with_its_genre_flags(tmp_path: Path) -> None:
    """The layout of ml-100k is read: tab-separated ratings, Latin-1 films with nineteen flags of genre."""
    source = movielens(fill(tmp_path / "ml-100k", K100), tmp_path)
    assert rows(source.interactions(), "line", "user_id", "movie_id", "value", "event_time") == [
        (1, "196", "1", "3", "881250949"),
        (2, "186", "2", "5", "891717742"),
    ]
    assert rows(source.movies(), "movie_id", "title", "genres") == [
        ("267", "unknown", []),
        ("1", "Toy Story (1995)", ["Animation", "Children's", "Comedy"]),
        ("2", "Léon (1994)", ["Action", "Thriller"]),
    ]


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    """Files that went through Windows (CRLF, byte order mark) give the same rows."""
    windows = {name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in CSV.items()}
    left = movielens(fill(tmp_path / "a", CSV), tmp_path)
    right = movielens(fill(tmp_path / "b", windows), tmp_path)
    assert left.interactions().frame.equals(right.interactions().frame)
    assert left.movies().frame.equals(right.movies().frame)


@pytest.mark.parametrize(
    ("given", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Matrix, The (1999)", "The Matrix", 1999),
        ("Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
         "The Good, the Bad and the Ugly (Il Buono, il brutto, il cattivo)", 1966),
        ("City of Lost Children, The (Cité des enfants perdus, La) (1995)",
         "The City of Lost Children (La Cité des enfants perdus)", 1995),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura (The Adventure)", 1960),
        ("Bug's Life, A (1998) ", "A Bug's Life", 1998),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", 1968),
        ("Babylon 5", "Babylon 5", None),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", 1975),
        ("(1984)", "(1984)", 1984),
        ("Lock, Stock & Two Smoking Barrels (1998)", "Lock, Stock & Two Smoking Barrels", 1998),
    ],
)  # fmt: skip
def test_titles_are_readable(given: str, title: str, year: int | None) -> None:
    """A MovieLens title gives its year, and its article stands in front."""
    frame = pl.DataFrame({"t": [given]})
    column = pl.col("t")
    got = frame.select(parsing.readable_title(column).alias("title"), parsing.year_in_title(column).alias("year"))
    assert got.row(0) == (title, year)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("964982703", datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)),
        ("964982703.5", datetime(2000, 7, 30, 18, 45, 3, 500_000, tzinfo=UTC)),
        ("1700000000123", datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)),
        ("2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01 12:30:05", datetime(2024, 3, 1, 12, 30, 5, tzinfo=UTC)),
        ("2024-03-01T12:30", datetime(2024, 3, 1, 12, 30, tzinfo=UTC)),
        ("2024-03-01T12:30:05.250Z", datetime(2024, 3, 1, 12, 30, 5, 250_000, tzinfo=UTC)),
        ("2024-03-01T12:30:05+09:00", datetime(2024, 3, 1, 3, 30, 5, tzinfo=UTC)),
        ("yesterday", None),
        ("2024-13-01", None),
        ("", None),
        ("1e300", None),
    ],
)
def test_times_are_read(given: str, expected: datetime | None) -> None:
    """Epoch seconds, milliseconds and ISO 8601 are read as UTC; anything else is not guessed at."""
    # Beside a plain number, since a file may mix them.
    frame = pl.DataFrame({"t": [given, "0"]})
    assert frame.select(parsing.time("t", pl.String())).item(0, 0) == expected


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pl.Series(["2024-03-01T00:00"]).str.to_datetime(), datetime(2024, 3, 1, tzinfo=UTC)),
        (pl.Series([date(2024, 3, 1)]), datetime(2024, 3, 1, tzinfo=UTC)),
        (pl.Series([964982703]), datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)),
        (pl.Series([964982703.0]), datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)),
    ],
)
def test_typed_times_are_read(series: pl.Series, expected: datetime) -> None:
    """Times that a Parquet file holds as times, dates or numbers are read as UTC."""
    frame = series.alias("t").to_frame()
    assert frame.select(parsing.time("t", series.dtype)).item() == expected


@pytest.mark.parametrize("name", ["mine.csv", "mine.tsv", "mine.parquet"])
def test_a_file_with_well_known_names_needs_no_mapping(tmp_path: Path, name: str) -> None:
    """Columns with usual names are recognised, in CSV, TSV and Parquet."""
    frame = pl.DataFrame(
        {"Customer": ["a b", "c"], "Item_ID": [1, 2], "Stars": [4.5, 1.0], "extra": ["x", "y"], "ts": [964982703, None]}
    )
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if "tsv" in name else ",")
    source = of_file(path)
    assert source.dataset == "mine"
    text = source.interactions().frame.select(pl.col("user_id", "movie_id", "value", "event_time").cast(pl.String))
    assert text.fill_null("").rows() == [("a b", "1", "4.5", "964982703"), ("c", "2", "1.0", "")]
    assert rows(source.movies(), "movie_id", "title") == [(1, "Film 1"), (2, "Film 2")]
    assert source.movies().placeholder


@pytest.mark.parametrize(
    ("path", "dataset"),
    [
        ("Shop One/ratings.csv", "shop-one"),
        ("shop/Interactions.tsv", "shop"),
        ("shop/ratings-2026.csv", "ratings-2026"),
    ],
)
def test_a_file_that_is_only_called_ratings_takes_its_folders_name(tmp_path: Path, path: str, dataset: str) -> None:
    """Two shops' ``ratings.csv`` are two data sets: a name that tells nothing is replaced by the folder's."""
    file = tmp_path / path
    file.parent.mkdir()
    file.write_text("user_id,movie_id\na,1\n")
    assert of_file(file).dataset == dataset
    assert of_file(file, dataset="Mine").dataset == "mine"


def test_columns_can_be_mapped(tmp_path: Path) -> None:
    """A mapping says which column is which, and goes before what is recognised."""
    path = tmp_path / "mine.csv"
    path.write_text("who,user,what,when\nann,zzz,7,2024-03-01\n")
    source = of_file(path, columns={"user_id": "who", "movie_id": "what", "event_time": "when"})
    assert rows(source.interactions(), "user_id", "movie_id", "event_time") == [("ann", "7", "2024-03-01")]


def test_a_second_file_gives_the_titles(tmp_path: Path) -> None:
    """The films come from a second file: CSV, or MovieLens' movies.dat."""
    ratings = tmp_path / "r.csv"
    ratings.write_text("user,item\na,661\n")
    fill(tmp_path, {"movies.dat": DAT_1M["movies.dat"], "m.csv": CSV["movies.csv"]})
    dat = of_file(ratings, movies=tmp_path / "movies.dat").movies()
    assert dat.frame["title"].to_list() == ["Misérables, Les (1995)", "One Flew (1975)"]
    csv = of_file(ratings, movies=tmp_path / "m.csv").movies()
    assert rows(csv, "movie_id", "title")[1] == ("11", "American President, The (1995)")


def test_quoted_fields_are_read_as_csv(tmp_path: Path) -> None:
    """Quotes, doubled quotes, separators in quotes and empty fields come out as CSV means them."""
    path = tmp_path / "mine.csv"
    path.write_text(
        'user,item,kind\n"a, b",1,like\n"say ""hi""","2",like\n,"3",\n"",4,like\n"x"y,5,like\n"open,6,like\n'
    )
    table = of_file(path).interactions()
    assert rows(table, "line", "user_id", "movie_id", "kind", "reason") == [
        (2, "a, b", "1", "like", None),
        (3, 'say "hi"', "2", "like", None),
        (4, "", "3", "", None),
        (5, "", "4", "like", None),
        (6, None, None, None, "broken-row"),
        (7, None, None, None, "broken-row"),
    ]


def test_a_fingerprint_follows_the_data_and_its_reading(tmp_path: Path) -> None:
    """The fingerprint stays while nothing changes, and changes with the file, the mapping and the scale."""
    path = tmp_path / "mine.csv"
    path.write_text("user,item,other\na,1,2\n")
    first = of_file(path).fingerprint()
    assert of_file(path).fingerprint() == first
    assert of_file(path, columns={"movie_id": "other"}).fingerprint() != first
    assert of_file(path, value_scale=(1, 10)).fingerprint() != first
    path.write_text("user,item,other\na,1,2\nb,1,2\n")
    assert of_file(path).fingerprint() != first
    folder = fill(tmp_path / "ml", CSV)
    before = movielens(folder, tmp_path).fingerprint()
    fill(folder, {"links.csv": "movieId,imdbId,tmdbId\n"})
    assert movielens(folder, tmp_path).fingerprint() != before


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("movielens:ml-20", r"no release 'ml-20' .*Did you mean --source movielens:ml-20m\?"),
        ("movielens:ML-1M", r"Did you mean --source movielens:ml-1m\?"),
        ("movielens:/nowhere/ml-1m", "There is no file or folder /nowhere/ml-1m"),
        ("file:/nowhere.csv", "There is no file /nowhere.csv"),
        ("ml-1m", "Write --source movielens:ml-1m"),
        ("movilens:ml-1m", "'movilens:ml-1m' is none. Write for example --source movielens:"),
        ("", "is none"),
        ("file:", "is none"),
    ],
)
def test_an_unknown_source_names_the_nearest(tmp_path: Path, spec: str, sentence: str) -> None:
    """A source that does not exist is answered with what does."""
    with pytest.raises(SourceError, match=sentence):
        open_source(spec, downloads=tmp_path)


def test_a_path_without_its_word_is_told_the_word(tmp_path: Path) -> None:
    """A bare path gets the spec to write."""
    with pytest.raises(SourceError, match=f"Write --source movielens:{tmp_path}"):
        open_source(str(tmp_path), downloads=tmp_path)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"movies.csv": "x", "ratings.parquet": b"x"},
            r"found movies.csv, ratings.parquet\. .*--source file:.*/ratings.parquet",
        ),
        ({}, "found no file"),
        ({**CSV, "ratings.csv": ""}, "The file ratings.csv is empty"),
        ({**CSV, "ratings.csv": "userId,movieId,rating,timestamp\n"}, "ratings.csv is empty but for its first line"),
        ({**CSV, "ratings.csv": "1,1,4.0,964982703\n"}, "should be userId,movieId,rating,timestamp; it is 1,1,4.0,"),
    ],
)
def test_a_wrong_layout_says_what_was_expected_and_found(
    tmp_path: Path, files: Mapping[str, str | bytes], sentence: str
) -> None:
    """A folder that is no release is told what was expected, what was found, and what to do."""
    folder = fill(tmp_path / "ml", files)
    with pytest.raises(SourceError, match=sentence):
        movielens(folder, tmp_path).interactions()


@pytest.mark.parametrize("keep", [0, 40, 400])
def test_half_a_zip_is_refused(tmp_path: Path, keep: int) -> None:
    """A zip that was cut off is refused in one sentence."""
    path = zipped(tmp_path / "ml.zip", CSV, "ml/")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SourceError, match="is not a whole zip"):
        movielens(path, tmp_path)


def test_a_zip_with_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """A zip whose content does not fit its checksum is refused when it is read."""
    path = zipped(tmp_path / "ml.zip", CSV, "ml/")
    path.write_bytes(path.read_bytes().replace(b"964982703", b"964982704"))
    with pytest.raises(SourceError, match="is not a whole zip"):
        movielens(path, tmp_path).interactions()


@pytest.mark.parametrize(
    ("name", "content", "options", "sentence"),
    [
        ("a.csv", b"", {}, "is empty"),
        ("a.csv", b"\n\n", {}, "is empty"),
        ("a.csv", b"user,item\n", {}, "is empty but for its first line"),
        ("a.csv", b"who,item\na,1\n", {}, r"no column for user_id; it has who, item\. .*--column user_id="),
        ("a.csv", b"1,2,3\n1,2,4\n", {}, "no column for user_id and movie_id; it has 1, 2, 3"),
        ("a.csv", b"user,item\na,1\n", {"columns": {"movie_id": "itm"}}, r"no column 'itm'; .*--column movie_id=item"),
        (
            "a.csv",
            b"user,item\na,1\n",
            {"columns": {"movieid": "item"}},
            r"no column 'movieid' .*--column movie_id=item",
        ),
        ("a.csv", b"user,item\na,1\n", {"value_scale": (5, 1)}, "scale of ratings 5 to 1 does not rise"),
        ("a.csv", b"PK\x03\x04xx", {}, "is a zip"),
        ("a.parquet", b"PAR1 half a file", {}, "not a whole Parquet file"),
        ("a.parquet", b"user,item\na,1\n", {}, "not a whole Parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, content: bytes, options: dict[str, object], sentence: str
) -> None:
    """An empty, damaged or unmapped file is refused in one sentence with the next step."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=sentence):
        of_file(path, **options).interactions()


def test_a_folder_given_as_a_file_is_sent_to_movielens(tmp_path: Path) -> None:
    """A folder named as a file is told the other form."""
    with pytest.raises(SourceError, match=f"is a folder.*--source movielens:{tmp_path}"):
        open_source(f"file:{tmp_path}", downloads=tmp_path)
