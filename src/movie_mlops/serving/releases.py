"""Following the ledger: the champion is loaded in the background and takes over in one step."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.release import Ledger, Release, TrustList, read_bundle
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.model import ServingModel, Snapshot

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
    """Keeps the champion in memory.

    A thread asks the ledger again and again. A new champion is read, verified and tried beside the one that serves;
    then one reference changes, so that each request has either the old or the new one from its start to its end. A
    champion that cannot be loaded leaves everything as it is, is logged and remembered, and is tried again when the
    ledger changes or somebody asks for it.

    Args:
        ledger: Says what should serve.
        bundles: The folder of the bundles.
        trust: Whose bundles serve.
        load_catalogue: Reads the films; called for every new champion, so that new films come with it.
        poll_seconds: How often the ledger is asked.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        bundles: Path,
        trust: TrustList,
        load_catalogue: Callable[[], Catalogue],
        poll_seconds: float = 1.0,
    ) -> None:
        self._ledger = ledger
        self._bundles = bundles
        self._trust = trust
        self._load_catalogue = load_catalogue
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

    def start(self) -> None:
        """Load the films and the champion, then follow the ledger.

        Raises:
            MovieMlopsError: The films cannot be read.
        """
        self._snapshot = Snapshot(self._load_catalogue(), None)
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
                release = self._ledger.champion()
                self._unheard = None
                if release is None:
                    return
                if release.release_id == self._tried and not (again and self._failure):
                    return
                self._snapshot = self._load(release)
            # Whatever is wrong with a new release, the one that serves must go on serving.
            except Exception as error:  # noqa: BLE001 - said above
                self._remember(release, error)
            else:
                self._failure = None
                _LOG.info("release %d (%s) serves", release.release_id, release.bundle_id)
            if release is not None:
                self._tried = release.release_id

    def _load(self, release: Release) -> Snapshot:
        bundle = read_bundle(self._bundles / release.bundle_id, trust=self._trust)
        catalogue = self._load_catalogue()
        return Snapshot(catalogue, ServingModel.of(release, bundle, catalogue))

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
