"""The command, and a key that is shown nowhere."""

import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from movie_mlops.cli.main import main
from movie_mlops.ingest.tmdb import (
    TmdbClient,
    TmdbConfig,
    TmdbError,
)
from movie_mlops.lake import Lake, LakeConfig
from tests.fixtures.stage_1.tmdb import V3_KEY, V4_TOKEN, Reply, TmdbServer, running
from tests.fixtures.stage_1.tmdb_world import serve


@pytest.fixture
def server() -> Iterator[TmdbServer]:
    with running(TmdbServer()) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, server: TmdbServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with the data set 'films', whose film 10 has a link to 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_TMDB_KEY", V3_KEY)
    monkeypatch.setenv("MOVIE_MLOPS_TMDB_URL", server.url)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\nann,10,4\n")
    (tmp_path / "films.csv").write_text("movieId,title,tmdbId\n10,Held,1\n20,Other,2\n")
    assert main(["ingest", "load", "--source", "file:ratings.csv", "--movies", "films.csv", "--dataset", "films"]) == 0
    return tmp_path


def test_the_command_enriches_and_reports(home: Path, server: TmdbServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what it did, to people and to programs."""
    serve(server, 1)
    assert main(["ingest", "tmdb", "--dataset", "films"]) == 0
    told = capsys.readouterr().out
    assert "2 films meant, 0 of them known; 1 fetched, 1 gone, 0 refused; 1 films of the lake changed." in told
    assert main(["ingest", "tmdb", "--dataset", "films", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["films"], report["known"], report["fetched"]) == (2, 2, 0)
    assert main(["ingest", "tmdb", "--check"]) == 0
    assert "TMDB takes the key" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option", [["--since", "yesterday"], ["--years", "199-1999"], ["--films", "discover", "--years", "90s"]]
)
def test_options_that_cannot_be_read_are_named(
    home: Path, server: TmdbServer, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    """A date or a year that is none is told with an example."""
    assert main(["ingest", "tmdb", "--dataset", "films", *option]) == 1
    assert "such as" in (told := capsys.readouterr().err) or "for example" in told
    assert server.asked == []


@pytest.mark.parametrize("key", [V3_KEY, V4_TOKEN], ids=["v3", "v4"])
def test_the_key_is_shown_nowhere(  # noqa: PLR0917 - pytest's fixtures
    home: Path,
    server: TmdbServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    key: str,
) -> None:
    """Whatever goes wrong, and however much is logged, the key is in no log, message, traceback, file or name."""
    monkeypatch.setenv("MOVIE_MLOPS_TMDB_KEY", key)
    caplog.set_level(logging.DEBUG)
    server.lists["/movie/popular"] = [1, 2, 3]
    serve(server, 1, 3)
    echo = json.dumps({"id": 2, "you_sent": key}).encode()
    shown = []
    for faults in (
        {"/movie/1": [Reply(429, {}, {"Retry-After": "0"})], "/movie/2": [Reply(200, echo)]},
        {"/movie/2": [Reply(400, {"status_message": f"bad key {key}"})]},
        {"/movie/2": [Reply(302, echo, {"Location": f"/3/movie/2?api_key={key}"})]},
        {"/movie/2": [Reply(401, echo)]},
    ):
        server.faults = faults
        main(["ingest", "tmdb", "--films", "popular", "--dataset", "films"])
        with TmdbClient(TmdbConfig(url=server.url, attempts=1), SecretStr(key)) as client:
            server.faults = {"/movie/9": [Reply(200, b"x", cut=0)]}
            with pytest.raises(TmdbError) as failed:
                client.details(9)
            shown += ["".join(traceback.format_exception(failed.value)), repr(client), str(vars(client))]
            cause: Any = failed.value
            while cause is not None:
                shown += [repr(vars(cause)), str(getattr(cause, "_request", None) and cause.request.url)]
                cause = cause.__cause__ or cause.__context__
    told = capsys.readouterr()
    assert "GET http://127.0.0.1" in caplog.text
    lake = Lake(LakeConfig(home / "data" / "lake" / "films"))
    [raw] = lake.scan("quarantine").filter(pl.col("file") == "tmdb:movie/2").select("raw").head(1).collect()["raw"]
    assert raw == '{"id": 2, "you_sent": "[key]"}'
    assert [text for text in (told.out, told.err, *shown) if key in text] == []
    # A log of the answer's headers shows what a server itself sends back; nothing of ours does.
    ours = [r.getMessage() for r in caplog.records if "receive_response_headers" not in r.getMessage()]
    assert [line for line in ours if key in line] == []
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if key.encode() in path.read_bytes() or key in str(path)] == []
