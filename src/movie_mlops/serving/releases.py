"""Following the ledger: the champion is loaded in the background and takes over in one step."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.release import Bundle, Ledger, LedgerAlteredError, Release, TrustList, read_bundle
from movie_mlops.release.rollout import Kind, Rollouts, Standing
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.traffic import Traffic

_LOG: Final = logging.getLogger("movie_mlops.serving.releases")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the champion does not serve.

    Attributes:
        release: The champion; ``None`` where not even the ledger could be read.
        code: The error's code.
        problem: What is wrong, and what to do.
        at: Since when.
    """

    release: Release | None
    code: str
    problem: str
    at: datetime


class ReleaseWatcher:
    """Keeps the champion in memory, and whatever is rolled out beside it.

    A thread asks the ledger again and again. A new champion is read, verified and tried beside the one that serves;
    then one reference changes, so that each request has either the old or the new one from its start to its end. A
    champion that cannot be loaded leaves everything as it is, is logged and remembered, and is tried again when the
    ledger changes or somebody asks for it.

    Args:
        ledger: Says what should serve.
        bundles: The folder of the bundles.
        trust: Whose bundles serve.
        load_catalogue: Reads the films; called for every new champion, so that new films come with it.
        films_stand: Tells how what is known of films stands: where that changed, they are read again between releases,
            so that what is popular lately does not wait for a model. ``None``: they are not.
        poll_seconds: How often the ledger is asked.
        films_seconds: How often it is asked how films stand.
        rollouts: Says what is rolled out beside the champion; ``None`` where nothing ever is.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        bundles: Path,
        trust: TrustList,
        load_catalogue: Callable[[], Catalogue],
        films_stand: Callable[[], Hashable] | None = None,
        poll_seconds: float = 1.0,
        films_seconds: float = 300.0,
        rollouts: Rollouts | None = None,
    ) -> None:
        self._ledger = ledger
        self._rollouts = rollouts
        self._newest_move = 0
        self._standing = Standing()
        self._beside: dict[str, Bundle] = {}
        self._unable: dict[str, str] = {}
        self._bundles = bundles
        self._trust = trust
        self._load_catalogue = load_catalogue
        self._films_stand = films_stand
        self._films_seconds = films_seconds
        self._films: Hashable = None
        self._films_at = 0.0
        self._bundle: Bundle | None = None
        self._poll_seconds = poll_seconds
        self._snapshot = Snapshot(Catalogue(()), None)
        self._failure: Failure | None = None
        self._unheard: Failure | None = None
        self._tried: int | None = None
        self._one_at_a_time = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="release-watcher", daemon=True)

    @property
    def snapshot(self) -> Snapshot:
        """What a request that starts now answers with."""
        return self._snapshot

    @property
    def failure(self) -> Failure | None:
        """Why the champion does not serve; ``None`` where it does, or where there is none."""
        return self._unheard or self._failure

    @property
    def unable(self) -> str | None:
        """Why a bundle that is rolled out cannot be answered with here; ``None`` where all can."""
        return next(iter(self._unable.values()), None)

    def start(self) -> None:
        """Load the films and the champion, then follow the ledger.

        Raises:
            MovieMlopsError: The films cannot be read.
        """
        self._snapshot = Snapshot(self._read_films(), None)
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """Follow no longer; what serves goes on serving."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def refresh(self, *, again: bool = False) -> None:
        """Ask the ledger now, and load its champion if that is a new one.

        Args:
            again: Also try a champion again that could not be loaded.
        """
        with self._one_at_a_time:
            release: Release | None = None
            try:
                # Before the champion: a canary that is promoted in between has then served to the last moment.
                moved = self._read_rollouts()
                release = self._ledger.champion()
                self._unheard = None
                if release is None or (release.release_id == self._tried and not (again and self._failure)):
                    renewed = self._with_new_films(self._snapshot)
                    moved = moved or renewed is not self._snapshot or (again and bool(self._unable))
                    self._snapshot = self._with_rollouts(renewed) if moved else renewed
                    return
                bundle, loaded = self._load(release)
                snapshot = self._with_rollouts(loaded)
                # In this order: whoever sees the new release finds nothing said against it.
                self._failure = None
                self._snapshot, self._bundle = snapshot, bundle
            # Whatever is wrong with a new release, the one that serves must go on serving.
            except Exception as error:  # noqa: BLE001 - said above
                self._remember(release, error)
            else:
                _LOG.info("release %d (%s) serves", release.release_id, release.bundle_id)
            if release is not None:
                self._tried = release.release_id

    def _read_rollouts(self) -> bool:
        """Read what is rolled out where that changed; return whether it did."""
        newest = 0 if self._rollouts is None else self._rollouts.newest()
        if self._rollouts is None or newest == self._newest_move:
            return False
        try:
            self._standing = self._rollouts.standing()
        except LedgerAlteredError as error:
            # The champion is another matter: it goes on, and so do its successors.
            _LOG.error("nothing is rolled out any more: %s", error)
            self._standing = Standing()
        self._newest_move = newest
        return True

    def _load(self, release: Release) -> tuple[Bundle, Snapshot]:
        bundle = read_bundle(self._bundles / release.bundle_id, trust=self._trust)
        catalogue = self._read_films()
        return bundle, Snapshot(catalogue, ServingModel.of(release, bundle, catalogue))

    def _read_films(self) -> Catalogue:
        # How they stand is asked before: what changes while they are read is read the next time.
        stand = None if self._films_stand is None else self._films_stand()
        catalogue = self._load_catalogue()
        self._films, self._films_at = stand, time.monotonic()
        return catalogue

    def _with_new_films(self, snapshot: Snapshot) -> Snapshot:
        """Return the same with the films as they are now; itself where it is not time to ask, or nothing is new."""
        if self._films_stand is None or time.monotonic() - self._films_at < self._films_seconds:
            return snapshot
        self._films_at = time.monotonic()
        try:
            if self._films_stand() == self._films:
                return snapshot
            catalogue, model = self._read_films(), snapshot.model
            if model is not None:
                assert self._bundle is not None
                model = ServingModel.of(model.release, self._bundle, catalogue)
        # Whatever is wrong with the lake, answers go on with the films that were read before.
        except Exception as error:  # noqa: BLE001 - said above
            _LOG.error("what is new of films cannot be read, the others go on serving: %s", error, exc_info=error)
            return snapshot
        return replace(snapshot, catalogue=catalogue, model=model, answers=OrderedDict())

    def _with_rollouts(self, snapshot: Snapshot) -> Snapshot:
        """Return the same with who is answered by what else; bundles are loaded for it, or what is wrong is noted."""
        model = snapshot.model
        if model is None or self._rollouts is None:
            return snapshot
        standing = _in_force(self._standing, model.release)
        wanted = dict.fromkeys(bundle for each in standing.rollouts for bundle in each.plan.bundles)
        wanted.pop(model.release.bundle_id, None)
        self._beside = {name: bundle for name, bundle in self._beside.items() if name in wanted}
        champion = replace(snapshot, traffic=None)
        unable: dict[str, str] = {}
        others = {model.release.bundle_id: champion}
        for name in wanted:
            try:
                others[name] = self._other(name, model.release, snapshot.catalogue)
            # Whatever is wrong with a candidate, the champion must go on serving.
            except Exception as error:  # noqa: BLE001 - said above
                unable[name] = str(error)
                if self._unable.get(name) != str(error):
                    _LOG.error("the bundle %s cannot be rolled out: %s", name, error, exc_info=error)
        self._unable = unable
        return replace(champion, traffic=Traffic(champion, standing, others)) if standing.rollouts else champion

    def _other(self, bundle_id: str, champion: Release, catalogue: Catalogue) -> Snapshot:
        if bundle_id not in self._beside:
            self._beside[bundle_id] = read_bundle(self._bundles / bundle_id, trust=self._trust)
        return Snapshot(catalogue, ServingModel.of(champion.with_bundle(bundle_id), self._beside[bundle_id], catalogue))

    def _remember(self, release: Release | None, error: Exception) -> None:
        code = error.code if isinstance(error, MovieMlopsError) else "internal"
        known = self._unheard if release is None else self._failure
        if known is None or known.release != release or known.code != code:
            _LOG.error("the champion cannot be loaded, what served goes on serving: %s", error, exc_info=error)
            failure = Failure(release, code, str(error), clock.now())
            if release is None:
                # Apart from what is wrong with a release, which is as wrong when the ledger can be asked again.
                self._unheard = failure
            else:
                self._failure = failure

    def _follow(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            self.refresh()


def _in_force(standing: Standing, champion: Release) -> Standing:
    """Return what goes on, without a canary that was held against another champion."""
    going = (
        each for each in standing.rollouts if each.kind is not Kind.CANARY or each.release_id == champion.release_id
    )
    return Standing(tuple(going))
