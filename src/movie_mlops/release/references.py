"""How people call a bundle: an id, ``name@version``, ``name@alias``, or the beginning of an id."""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, Protocol

from movie_mlops.release.errors import BundleError

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ALIAS: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
CHAMPION: Final = "champion"
"""The alias that the ledger moves: promotion and roll-back, nobody else."""

CANDIDATE: Final = "candidate"
"""The alias of the bundle that the main job trained last."""

_LIST: Final = "List them with: movie-mlops models list"


class Named(Protocol):
    """A bundle with a name and a version."""

    @property
    def bundle_id(self) -> str:
        """Its id."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> int:
        """Its version."""
        ...


def resolve(
    reference: str,
    *,
    present: Collection[str],
    registered: Sequence[Named],
    aliases: Mapping[tuple[str, str], str],
) -> str:
    """Return the id of the bundle that somebody means.

    Args:
        reference: What they said.
        present: Ids of the bundles whose folder is there.
        registered: Every bundle that has a version.
        aliases: Bundle id by name and alias.

    Raises:
        BundleError: Nothing is called so, several are, or what is meant has no folder any more.
    """
    if "@" in reference:
        found = _by_label(reference, registered, aliases)
    elif reference in present or any(reference == one.bundle_id for one in registered):
        found = reference
    else:
        found = _by_prefix(reference, present)
    if found not in present:
        raise BundleError(
            f"The bundle {found!r} is not there any more.",
            next_step="Import it from an archive, or train again with 'movie-mlops run'.",
        )
    return found


def means_bundle(reference: str, *, present: Collection[str], registered: Sequence[Named]) -> bool:
    """Say whether a reference can be a bundle's: what is before an ``@`` is a bundle's name, or an id begins so.

    Args:
        reference: What somebody said, perhaps of something else.
        present: Ids of the bundles that are known.
        registered: Every bundle that has a version.
    """
    name, at, _ = reference.rpartition("@")
    if at:
        return any(name == one.name for one in registered)
    return bool(reference) and any(_begins(one, reference) for one in present)


def _by_label(reference: str, registered: Sequence[Named], aliases: Mapping[tuple[str, str], str]) -> str:
    name, _, which = reference.rpartition("@")
    versions = {one.version: one.bundle_id for one in registered if one.name == name}
    if which.isascii() and which.isdigit() and int(which) in versions:
        return versions[int(which)]
    if (name, which) in aliases:
        return aliases[name, which]
    if versions:
        own = sorted(alias for owner, alias in aliases if owner == name)
        others = f"; aliases: {', '.join(own)}" if own else ""
        what = f"{name!r} has no version or alias {which!r} (versions: {min(versions)} to {max(versions)}{others})"
    else:
        names = sorted({one.name for one in registered})
        what = f"No bundle is called {name!r}" + (f" (there are {', '.join(names)})" if names else "")
    raise BundleError(f"{what}.", next_step=_LIST)


def _by_prefix(reference: str, present: Collection[str]) -> str:
    """Return the only id that begins so, or whose hash does."""
    found = sorted(one for one in present if reference and _begins(one, reference))
    if len(found) == 1:
        return found[0]
    if found:
        raise BundleError(
            f"{reference!r} is the beginning of {len(found)} bundles: {', '.join(found[:5])}.",
            next_step="Give more of the id, or name@version.",
        )
    near = get_close_matches(reference, present, n=1)
    raise BundleError(f"There is no bundle {reference!r}.", next_step=f"Did you mean {near[0]!r}?" if near else _LIST)


def _begins(bundle_id: str, reference: str) -> bool:
    return bundle_id.startswith(reference) or bundle_id.rpartition("-")[2].startswith(reference)
