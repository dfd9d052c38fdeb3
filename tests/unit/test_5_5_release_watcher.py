"""Following the ledger: what is tried when, what serves meanwhile, what is remembered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from movie_mlops.release import Action, BundleError, Release
from movie_mlops.serving import Catalogue, Film, releases
from movie_mlops.serving.releases import ReleaseWatcher

FILMS = (Film(1, "Toy Story", 1995, ("Animation",), (), "en", likes=5, recent_likes=1),)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def release(number: int, bundle_id: str) -> Release:
    return Release(number, bundle_id, "ease", Action.PROMOTE, AT, None, "better", {}, "gate", None)


@dataclass
class World:
    """A ledger that says what it is told to, and bundles of which some are broken."""

    champion_now: Release | None = None
    broken: set[str] = field(default_factory=set)
    read: list[str] = field(default_factory=list)
    ledger_is_down: bool = False

    def champion(self) -> Release | None:
        """Answer as the ledger does."""
        if self.ledger_is_down:
            raise BundleError("The state database cannot be used.", next_step="Look at the disk.")
        return self.champion_now


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    def read_bundle(path: Path, *, trust: object) -> str:
        world.read.append(path.name)
        if path.name in world.broken:
            raise BundleError(f"{path.name} is damaged.", next_step="Release another one.")
        return path.name

    class Model:
        @staticmethod
        def of(chosen: Release, bundle: str, _catalogue: Catalogue) -> Any:
            return (chosen.release_id, bundle)

    monkeypatch.setattr(releases, "read_bundle", read_bundle)
    monkeypatch.setattr(releases, "ServingModel", Model)
    return world


@pytest.fixture
def watcher(world: World, tmp_path: Path) -> Iterator[ReleaseWatcher]:
    made = ReleaseWatcher(ledger=world, bundles=tmp_path, trust=None, load_catalogue=lambda: Catalogue(FILMS))  # type: ignore[arg-type]
    yield made
    made.stop()


def test_each_release_is_read_once(world: World, watcher: ReleaseWatcher) -> None:
    """Before the first release nothing serves; then each is read once, however often the ledger is asked."""
    watcher.refresh()
    assert watcher.snapshot.model is None
    for number, bundle_id in ((1, "ease-a"), (2, "ease-b")):
        world.champion_now = release(number, bundle_id)
        for _ in range(3):
            watcher.refresh()
        assert watcher.snapshot.model == (number, bundle_id)
    assert world.read == ["ease-a", "ease-b"]


def test_a_release_that_cannot_be_loaded_changes_nothing_but_what_is_said(
    world: World, watcher: ReleaseWatcher, caplog: pytest.LogCaptureFixture
) -> None:
    """The old one goes on serving, as the same object; the broken one is tried once and told once, until it changes."""
    world.champion_now = release(1, "ease-a")
    watcher.refresh()
    before = watcher.snapshot
    world.champion_now, world.broken = release(2, "ease-b"), {"ease-b"}
    for _ in range(5):
        watcher.refresh()
    assert watcher.snapshot is before
    failure = watcher.failure
    assert failure is not None
    assert (failure.release, failure.code) == (world.champion_now, "bundle")
    assert world.read == ["ease-a", "ease-b"]
    assert [record.levelname for record in caplog.records].count("ERROR") == 1

    # Only who asks for it has it tried again; made whole, it serves and the failure is over.
    watcher.refresh(again=True)
    assert watcher.snapshot is before
    world.broken = set()
    watcher.refresh()
    assert watcher.snapshot is before
    watcher.refresh(again=True)
    assert (watcher.snapshot.model, watcher.failure) == ((2, "ease-b"), None)


def test_a_ledger_that_is_down_stops_no_answer(world: World, watcher: ReleaseWatcher) -> None:
    """While the ledger cannot be read the old release serves and the failure names none; then it goes on."""
    world.champion_now = release(1, "ease-a")
    watcher.refresh()
    world.ledger_is_down = True
    watcher.refresh()
    assert watcher.snapshot.model == (1, "ease-a")
    failure = watcher.failure
    assert failure is not None
    assert failure.release is None
    world.ledger_is_down, world.champion_now = False, release(2, "ease-b")
    watcher.refresh()
    assert (watcher.snapshot.model, watcher.failure) == ((2, "ease-b"), None)


def test_a_ledger_that_is_back_says_no_more_than_before(world: World, watcher: ReleaseWatcher) -> None:
    """With nothing new in it the failure is over; a champion that could not be loaded before still cannot."""
    world.champion_now = release(1, "ease-a")
    watcher.refresh()
    for broken in (False, True):
        if broken:
            world.broken, world.champion_now = {"ease-b"}, release(2, "ease-b")
            watcher.refresh()
        before = watcher.failure
        assert (before is not None) is broken
        world.ledger_is_down = True
        watcher.refresh()
        assert watcher.failure is not None
        assert watcher.failure.release is None
        world.ledger_is_down = False
        watcher.refresh()
        assert watcher.failure == before


def test_a_rollback_to_the_same_bundle_is_a_release_of_its_own(world: World, watcher: ReleaseWatcher) -> None:
    """It is the row of the ledger that counts: the same bundle under a new number is loaded and answers with it."""
    for number, bundle_id in ((1, "ease-a"), (2, "ease-b"), (3, "ease-a")):
        world.champion_now = release(number, bundle_id)
        watcher.refresh()
        assert watcher.snapshot.model == (number, bundle_id)
    assert world.read == ["ease-a", "ease-b", "ease-a"]


def test_films_are_read_anew_between_releases(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where what is known of films changed they are read again, not too often; else, and in need, those before stay."""
    now, stand, read = [1000.0], [1], list[int]()
    films: list[tuple[Film, ...] | None] = [FILMS]
    monkeypatch.setattr(releases.time, "monotonic", lambda: now[0])

    class Model:
        @staticmethod
        def of(chosen: Release, bundle: str, catalogue: Catalogue) -> Any:
            return SimpleNamespace(release=chosen, bundle=bundle, catalogue=catalogue)

    monkeypatch.setattr(releases, "ServingModel", Model)

    def load() -> Catalogue:
        read.append(stand[0])
        assert films[0] is not None, "the lake is away"
        return Catalogue(films[0])

    made = ReleaseWatcher(
        ledger=world,  # type: ignore[arg-type]
        bundles=tmp_path,
        trust=None,  # type: ignore[arg-type]
        load_catalogue=load,
        films_stand=lambda: stand[0],
        films_seconds=60,
    )
    world.champion_now = release(1, "ease-a")
    made.refresh()
    first = made.snapshot
    stand[0], films[0] = 2, (FILMS[0], Film(2, "Heat", 1995, ("Crime",), (), "en", likes=9, recent_likes=4))
    now[0] += 59
    made.refresh()
    assert (made.snapshot, read) == (first, [1])
    now[0] += 2
    made.refresh()
    second = made.snapshot
    assert [film.movie_id for film in second.catalogue.films] == [2, 1]
    assert second.model == SimpleNamespace(release=world.champion_now, bundle="ease-a", catalogue=second.catalogue)
    assert (read, world.read, made.failure) == ([1, 2], ["ease-a"], None)
    now[0] += 61
    made.refresh()
    assert (made.snapshot, read) == (second, [1, 2])

    stand[0], films[0] = 3, None
    now[0] += 61
    made.refresh()
    assert (made.snapshot, made.failure, read) == (second, None, [1, 2, 3])
    assert "what is new of films cannot be read" in caplog.text
    films[0] = FILMS
    now[0] += 61
    made.refresh()
    assert [film.movie_id for film in made.snapshot.catalogue.films] == [1]


def test_a_release_that_cannot_be_loaded_leaves_the_other_its_bundle(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Films that are read anew meanwhile are joined with what serves."""
    stand = [1]
    made = ReleaseWatcher(
        ledger=world,  # type: ignore[arg-type]
        bundles=tmp_path,
        trust=None,  # type: ignore[arg-type]
        load_catalogue=lambda: Catalogue(FILMS),
        films_stand=lambda: stand[0],
        films_seconds=0,
    )

    class Model:
        @staticmethod
        def of(chosen: Release, bundle: str, _catalogue: Catalogue) -> Any:
            return SimpleNamespace(release=chosen, bundle=bundle)

    monkeypatch.setattr(releases, "ServingModel", Model)
    world.champion_now = release(1, "ease-a")
    made.refresh()
    world.champion_now, world.broken = release(2, "ease-b"), {"ease-b"}
    for number in (2, 3):
        stand[0] = number
        made.refresh()
    assert (made.snapshot.model.release.release_id, made.snapshot.model.bundle) == (1, "ease-a")
