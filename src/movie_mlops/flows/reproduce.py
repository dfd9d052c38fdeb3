"""A bundle made again from what it says of its origin, and compared byte by byte."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.flows import rebuild
from movie_mlops.flows.errors import NotReproducibleError
from movie_mlops.flows.features import users_at
from movie_mlops.lake import INTERACTIONS, MOVIES, USERS, Lake, LakeConfig, LakeError, Seals
from movie_mlops.recommenders import create
from movie_mlops.release import REFERENCE, ArrayFile, Manifest, TrustList, read_bundle, read_manifest

_NEEDED: Final = ("lake_versions", "feedback")
_BLOCK: Final = 1 << 20
_TRAIN_AGAIN: Final = "Train again with 'movie-mlops run': bundles that are made now say all that is needed."


@dataclass(frozen=True)
class Change:
    """An input that is not what it was.

    Attributes:
        what: Which one, such as ``numpy``.
        recorded: What the bundle says.
        present: What it is now.
    """

    what: str
    recorded: str
    present: str

    @property
    def sentence(self) -> str:
        """The same for people."""
        return f"{self.what}: {self.recorded} then, {self.present} now."


@dataclass(frozen=True)
class Comparison:
    """One file of the bundle beside the one that was made again.

    Attributes:
        file: Its name.
        equal: Whether every byte is the same.
        sentence: What differs, for people.
        values: How many values the recorded array has.
        different: How many of them differ; ``None`` where the shapes or types do.
        largest: The largest difference; ``None`` as above, or where nothing differs.
    """

    file: str
    equal: bool
    sentence: str
    values: int
    different: int | None = 0
    largest: float | None = None


@dataclass(frozen=True)
class Reproduction:
    """What came of making a bundle again.

    Attributes:
        bundle_id: The bundle.
        made: The name of what was made: the same, where it is equal.
        files: Each file.
        changes: Inputs that are not what they were.
        seconds: How long it took.
    """

    bundle_id: str
    made: str
    files: tuple[Comparison, ...]
    changes: tuple[Change, ...]
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether it is the same bundle, byte for byte."""
        return self.made == self.bundle_id and all(file.equal for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"equal": self.equal, **asdict(self)}

    def sentences(self) -> list[str]:
        """Return the outcome for people."""
        changes = [f"  {change.sentence}" for change in self.changes]
        if self.equal:
            told = [f"Equal: {self.bundle_id} was made again, each of its {len(self.files)} files to the last byte."]
            return told + (["It is the same although not every input is:", *changes] if changes else [])
        told = [f"Different: what was made is not {self.bundle_id}."]
        told += [f"  {file.sentence}" for file in self.files if not file.equal]
        if changes:
            return [*told, "Not what it was when the bundle was made:", *changes]
        return [*told, "Every input that the bundle names is what it was: something takes part that it does not name."]


def changed_inputs(facts: Mapping[str, Any], present: Mapping[str, Any]) -> list[Change]:
    """Return what a bundle was made with that is something else now.

    Args:
        facts: Those of the bundle's manifest.
        present: The same of this process, from :func:`movie_mlops.flows.rebuild.present`; and ``trained_on``, where
            that is known.
    """
    changes = []
    trained_on, now = facts.get("trained_on"), present.get("trained_on")
    if trained_on and now and trained_on != now:
        changes.append(Change("what it learned from", _amount(trained_on), _amount(now)))
    for group in ("packages", "machine"):
        for name, recorded in (facts.get(group) or {}).items():
            if (now := present[group].get(name, "missing")) != recorded:
                changes.append(Change(name, recorded, now))
    known = facts.get("code_sha256")
    same = known == present["code_sha256"] if known else facts.get("code_commit") == present["code_commit"]
    if not same:
        changes.append(Change("code", _commit(facts.get("code_commit")), _commit(present["code_commit"])))
    return changes


def missing_inputs(lake: Lake, manifest: Manifest) -> str | None:
    """Return why a bundle cannot be made again, in a sentence; ``None`` where everything that it takes is there."""
    silent = [name for name in _NEEDED if not manifest.facts.get(name)]
    if silent:
        return f"{manifest.bundle_id} does not say its {' and its '.join(silent)}."
    if former := manifest.facts.get("updated_from"):
        return f"{manifest.bundle_id} was not trained, but is {former} with what came since."
    versions: Any = manifest.facts["lake_versions"]
    can = create(manifest.model, manifest.params).capabilities
    remembers = REFERENCE in manifest.arrays
    read = {
        MOVIES: can.reads_content or can.reads_features or (remembers and MOVIES in versions),
        USERS: _reads_users(manifest) and USERS in versions,
    }
    for table in (INTERACTIONS, *(table for table, wanted in read.items() if wanted)):
        try:
            lake.delta(table, version=versions[table])
        except LakeError as error:
            return f"{manifest.bundle_id} was made from version {versions[table]} of {table}. {error.problem}"
    return None


def reproduce(
    bundle: Path, lake: LakeConfig, *, trust: TrustList, seals: Seals | None = None, progress: Progress = SILENT
) -> Reproduction:
    """Make a bundle again in a clean process, from what it says of its origin, and compare.

    Args:
        bundle: Its folder.
        lake: The lake of its data set.
        seals: What opens the facts of users there, where the model reads any.
        trust: Whose bundles are read; one that nobody vouches for is not worth the while.
        progress: Told of the training.

    Raises:
        BundleError: The bundle is not what was written.
        NotReproducibleError: It cannot be tried.
    """
    began = time.perf_counter()
    manifest = read_bundle(bundle, trust=trust).manifest
    opened = Lake(lake, seals)
    if missing := missing_inputs(opened, manifest):
        raise NotReproducibleError(f"It cannot be tried: {missing}", next_step=_TRAIN_AGAIN)
    with tempfile.TemporaryDirectory(prefix="movie-mlops-again-") as folder:
        asked = rebuild.plan(lake, manifest, Path(folder), _users(opened, manifest))
        made = _clean_process(asked, progress)
        again = Path(folder) / made["bundle_id"]
        files = tuple(_compared(bundle, manifest, again, read_manifest(again)))
    changes = tuple(changed_inputs(manifest.facts, made))
    return Reproduction(manifest.bundle_id, made["bundle_id"], files, changes, round(time.perf_counter() - began, 3))


def _reads_users(manifest: Manifest) -> bool:
    can = create(manifest.model, manifest.params).capabilities
    return can.reads_traits or REFERENCE in manifest.arrays


def _users(lake: Lake, manifest: Manifest) -> pl.DataFrame:
    """Return what was known of users; nothing where it was not read."""
    versions: Any = manifest.facts["lake_versions"]
    return users_at(lake, versions if _reads_users(manifest) else {})


def _clean_process(asked: bytes, progress: Progress) -> dict[str, Any]:
    words = [sys.executable, "-m", rebuild.__name__]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints) as process,  # noqa: S603 - our own module
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(asked)
        process.stdin.close()
        told = _follow(process.stdout, progress)
        code = process.wait()
        complaints.seek(0)
        last = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
    if "made" in told:
        return dict(told["made"])
    if "error" in told:
        raise NotReproducibleError(
            f"It cannot be tried: {told['error']['problem']}", next_step=told["error"]["next_step"] or _TRAIN_AGAIN
        )
    raise NotReproducibleError(
        f"The process that made it again ended with {code} ({last[0] if last else 'without a word'}).",
        next_step="Where it was killed there was too little memory: free some and try again.",
    )


def _follow(lines: Any, progress: Progress) -> dict[str, Any]:
    """Show how far the process is; return the last that it said."""
    told: dict[str, Any] = {}
    with ExitStack() as tasks:
        advance = None
        for line in lines:
            told = json.loads(line)
            if "task" in told:
                advance = tasks.enter_context(progress.task(told["task"], told["total"], told["unit"]))
            elif "advance" in told and advance is not None:
                advance(told["advance"])
            elif "end" in told:
                tasks.close()
    return told


def _compared(bundle: Path, manifest: Manifest, again: Path, made: Manifest) -> list[Comparison]:
    ours, theirs = manifest.files(), made.files()
    compared = [_array(bundle, file, again, theirs.get(name)) for name, file in ours.items()]
    more = [file.file for name, file in theirs.items() if name not in ours]
    return compared + [Comparison(name, False, f"{name} is new.", 0, None) for name in more]


def _array(bundle: Path, file: ArrayFile, again: Path, made: ArrayFile | None) -> Comparison:
    values = int(np.prod(file.shape))
    if made is None:
        return Comparison(file.file, False, f"{file.file} was not made.", values, None)
    if made.sha256 == file.sha256:
        return Comparison(file.file, True, f"{file.file} is the same.", values)
    if (made.dtype, made.shape) != (file.dtype, file.shape):
        sentence = f"{file.file} is {made.dtype} {list(made.shape)} instead of {file.dtype} {list(file.shape)}."
        return Comparison(file.file, False, sentence, values, None)
    different, largest, place = _differing(np.load(bundle / file.file, mmap_mode="r"), np.load(again / made.file, "r"))
    where = f", first at {[int(index) for index in np.unravel_index(place, file.shape)]}"
    sentence = f"{file.file}: {different:,} of {values:,} values differ, by {largest:.3g} at most{where}."
    return Comparison(file.file, False, sentence, values, different, largest)


def _differing(one: Any, other: Any) -> tuple[int, float, int]:
    """Return how many values differ, by how much at most, and which is the first; block by block."""
    one, other = one.reshape(-1), other.reshape(-1)
    different, largest, first = 0, 0.0, -1
    for start in range(0, one.size, _BLOCK):
        a, b = (np.asarray(part[start : start + _BLOCK]) for part in (one, other))
        # Bit by bit: zero and minus zero are two values here.
        places = np.flatnonzero(a.view(f"V{a.itemsize}") != b.view(f"V{b.itemsize}"))
        if places.size:
            different += places.size
            first = start + int(places[0]) if first < 0 else first
            gaps = np.abs(a[places].astype(np.float64) - b[places].astype(np.float64))
            largest = max(largest, float(gaps.max()))
    return different, largest, first


def _amount(trained_on: Mapping[str, Any]) -> str:
    return (
        f"{trained_on['positives']:,} positives of {trained_on['users']:,} users and {trained_on['films']:,} films"
        f" (SHA-256 {trained_on['sha256'][:12]})"
    )


def _commit(commit: str | None) -> str:
    if not commit:
        return "no commit"
    name, _, changes = commit.partition("+")
    return f"commit {name[:12]}" + (" with changes that were not committed" if changes else "")
