"""Users known by pseudonyms: no byte of the platform holds an id, and everything works as it did."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

from movie_mlops.cli.main import main
from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT
from movie_mlops.flows import PlatformConfig
from movie_mlops.flows.ingest import drain, ingest
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.serve import make_app
from movie_mlops.ingest import IngestConfig, SourceError, open_rows, replay
from movie_mlops.ingest.pseudonymous import disguised
from movie_mlops.ingest.raw import RawTable
from movie_mlops.lake import EXTRAS, INTERACTIONS, QUARANTINE, USERS
from movie_mlops.security import KeyStore, NewKey, Role, SecurityConfig, SecurityError, read_key_secret
from movie_mlops.security.people import UserPseudonyms
from movie_mlops.serving import ServingConfig
from tests.fixtures.stage_5.platform import ADMIN, running
from tests.fixtures.stage_7.canary_home import CANARY, OTHER, opened, release, texts_of, write_source
from tests.fixtures.stage_7.keyed import bearer

DISGUISED = PlatformConfig(ingest=IngestConfig(pseudonyms=True))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def platform(home: Path, tmp_path: Path) -> Iterator[Platform]:
    platform = opened(home, config=DISGUISED)
    release(platform, write_source(tmp_path / "source"))
    yield platform
    platform.close()


def named_in(home: Path) -> list[str]:
    """Return the files that hold the canary's id, compressed columns included."""
    texts = texts_of(home)
    plain = [str(path) for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    return plain + [path for path, told in texts.items() if any(CANARY in text for text in told)]


def test_no_byte_holds_an_id_and_the_api_knows_everybody(platform: Platform, home: Path) -> None:
    """Promise P27: files, events, lists and groups by the very ids; the home holds none, and nobody is two."""
    serving = ServingConfig(admin_token=ADMIN["Authorization"].split()[1])
    app = make_app(Workspace(home, "canary"), DISGUISED, serving)
    with running(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        before = client.get(f"/v1/users/{CANARY}/history").json()["items"]
        assert len(before) == 4
        event = {"user_id": CANARY, "movie_id": 9, "kind": "like"}
        assert client.post("/v1/events", json=event).status_code == 201
        after = client.get(f"/v1/users/{CANARY}/history").json()
        assert after["items"][0]["movie_id"] == 9
        assert after["user_id"] == platform.people.known_as(CANARY) != CANARY
        # By the short way too, which the second of two like requests takes.
        lists = [client.get(f"/v1/users/{CANARY}/recommendations").json() for _ in range(2)]
        seen = {item["movie_id"] for item in after["items"]}
        assert all(seen.isdisjoint(item["movie_id"] for item in one["items"]) and one["items"] for one in lists)
        group = {"members": [{"user_id": OTHER}, {"user_id": CANARY}]}
        assert client.post("/v1/recommendations/group", json=group).status_code == 200
        told = client.get(f"/v1/users/{CANARY}/export", headers=ADMIN).json()
        assert len(told["data"]["interactions"]) == 4
    assert drain(platform).new == 1
    assert named_in(home) == []
    mine = platform.lake.scan(INTERACTIONS).filter(pl.col(c.USER_ID) == platform.people.known_as(CANARY)).collect()
    assert mine.height == 5


def test_a_load_counts_what_it_would_count_of_ids(platform: Platform, tmp_path: Path) -> None:
    """The same rows are good, refused and known as without pseudonyms; a second load brings nothing."""
    plain = opened(tmp_path / "plain")
    source = write_source(tmp_path / "source")
    there, here = (ingest(each, source, progress=SILENT) for each in (plain, platform))
    plain.close()
    same = ("rows_read", "rows_good", "rows_quarantined", "reasons", "users", "movies")
    assert {name: here[name] for name in same} == {name: there[name] for name in same}
    assert (here["rows_new"], here["users_new"]) == (0, 0)
    for table in (INTERACTIONS, USERS):
        users = platform.lake.scan(table).collect()[c.USER_ID]
        assert users.str.contains("^~[0-9a-f]{32}$").all()
        assert users.n_unique() == plain.lake.scan(table).collect()[c.USER_ID].n_unique()
    assert platform.lake.version(EXTRAS) is None


def test_each_user_is_hashed_once_and_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """However their rows lie, in runs or not, in one piece of memory or several; beside blanks and nobody."""
    pseudonyms, asked = UserPseudonyms(b"k" * 32, "d"), []
    expected = {user: pseudonyms.of(user) for user in ("ann", "ben", "cy")}
    monkeypatch.setattr(pseudonyms, "of", lambda user: asked.append(user) or expected[user])
    for pieces in ([["ann", "ann", "ben"], ["ben", None, " ann"]], [["cy", "ben", "cy"], [" ", "cy"]], [["ann"] * 9]):
        ids = pl.concat([pl.Series(c.USER_ID, piece, pl.String) for piece in pieces], rechunk=False)
        frame = pl.DataFrame({c.LINE: pl.arange(len(ids), eager=True), c.USER_ID: ids})
        told = disguised(RawTable(frame, "a file"), pseudonyms).frame[c.USER_ID]
        given = [None if user is None else user.strip() for user in ids]
        assert told.to_list() == [expected.get(user, user) if user is not None else None for user in given]
        assert told.chunk_lengths() == [len(piece) for piece in pieces]
        assert sorted(asked) == sorted({user for user in given if user})
        asked.clear()
    assert disguised(RawTable(frame.clear(), "a file"), pseudonyms).frame.schema == frame.schema


def test_a_refused_row_names_nobody_and_can_be_corrected(platform: Platform) -> None:
    """Its line is a hash, its user a pseudonym; corrected it comes in as theirs, whichever name the correction has."""
    refused = open_rows(platform.lake)
    mine = platform.people.known_as(CANARY)
    assert refused.height == 2
    assert refused[c.RAW].str.starts_with("hash:").all()
    assert all(mine in fields for fields in refused[c.FIELDS])
    fixed = {
        quarantine_id: {c.USER_ID: user, c.MOVIE_ID: str(8 + place), c.VALUE: "4.0", c.EVENT_TIME: "1704067200"}
        for place, (quarantine_id, user) in enumerate(zip(refused[c.QUARANTINE_ID], (CANARY, mine), strict=True))
    }
    report = replay(platform.lake, config=DISGUISED.ingest, corrected=fixed, people=platform.people)
    assert (report.replayed, report.new) == (2, 2)
    rows = platform.lake.scan(INTERACTIONS).filter(pl.col(c.USER_ID) == mine).collect()
    assert rows.height == 6
    assert platform.lake.scan(QUARANTINE).collect().height == 2


def test_ids_and_pseudonyms_never_mix(platform: Platform, tmp_path: Path, home: Path) -> None:
    """A data set of ids takes no pseudonyms and the other way round; a key that is gone is never made anew."""
    source = write_source(tmp_path / "source")
    plain = opened(tmp_path / "plain")
    ingest(plain, source, progress=SILENT)
    plain.close()
    disguised = opened(tmp_path / "plain", config=DISGUISED)
    with pytest.raises(SourceError, match="knows its users by ids"):
        ingest(disguised, source, progress=SILENT)
    disguised.close()
    revealed = opened(home)
    with pytest.raises(SourceError, match="knows its users by pseudonyms"):
        ingest(revealed, source, progress=SILENT)
    revealed.close()
    with pytest.raises(SourceError, match="knows its users by pseudonyms"):
        make_app(Workspace(home, "canary"), PlatformConfig(), ServingConfig())
    key = home / "data/keys/users.key"
    key.chmod(0o644)
    with pytest.raises(SecurityError, match="Others can read"):
        opened(home, config=DISGUISED)
    key.unlink()
    with pytest.raises(SecurityError, match="is gone"):
        opened(home, config=DISGUISED)
    assert not key.exists()


def test_a_viewer_sees_their_own_alone(platform: Platform, home: Path) -> None:
    """Promise P22: a key for an id opens that user's data under the pseudonym, and nobody else's."""
    secret = read_key_secret(home / "data/keys", None)
    _, key = KeyStore(platform.database, secret).create(NewKey("a telephone", Role.VIEWER, "tests", CANARY))
    serving = ServingConfig(security=SecurityConfig(access="closed"))
    app = make_app(Workspace(home, "canary"), DISGUISED, serving, key_secret=secret)
    with running(app) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(key)) as client:
        assert client.get(f"/v1/users/{CANARY}/history").status_code == 200
        assert client.get(f"/v1/users/{OTHER}/history").status_code == 403
        for user, status in ((CANARY, 201), (OTHER, 403)):
            event = {"user_id": user, "movie_id": 3, "kind": "like"}
            assert client.post("/v1/events", json=event).status_code == status


def test_commands_take_ids(
    platform: Platform, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator erases somebody by their id; nothing of theirs is left, and the other is untouched."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "contracts.yaml").write_text("pseudonyms: true\n")
    monkeypatch.setenv("MOVIE_MLOPS_CONFIG", str(config))
    monkeypatch.chdir(tmp_path)
    assert main(["security", "erase", CANARY, "--home", str(home), "--dataset", "canary"]) == 0, capsys.readouterr()
    users = set(platform.lake.scan(INTERACTIONS).collect()[c.USER_ID])
    assert platform.people.known_as(CANARY) not in users
    assert platform.people.known_as(OTHER) in users
