"""What the API offers people of their own data."""

from collections.abc import Mapping
from typing import Any

from movie_mlops.flows.erasure.erase import erase
from movie_mlops.flows.erasure.exporting import export
from movie_mlops.flows.erasure.withdraw import note_consent
from movie_mlops.flows.errors import BusyError
from movie_mlops.flows.platform import Platform
from movie_mlops.security.people import Consent, Purpose


class PlatformRights:
    """The rights of the people of one data set.

    Args:
        platform: Its stores.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def erase(self, user_id: str, /, *, by: str) -> dict[str, Any]:
        """Erase somebody's data everywhere, and return the signed receipt."""
        return erase(self._platform, user_id, by=by)

    def export(self, user_id: str, /) -> dict[str, Any]:
        """Return everything that is known of somebody."""
        return export(self._platform, user_id)

    def consents(self, user_id: str, /) -> list[Consent]:
        """Return what somebody permits, for every purpose."""
        return self._platform.consents.of(user_id)

    def consent(self, user_id: str, said: Mapping[Purpose, bool], /, *, by: str) -> dict[str, Any] | None:
        """Write down what somebody permits from now on, and take out what is kept for what they do not permit.

        Returns:
            The signed receipt of what was taken out; ``None`` where nothing was withdrawn, or it was taken out before,
            or a flow is at work, so that it is outstanding.
        """
        try:
            return note_consent(self._platform, user_id, said, by=by)
        except BusyError:
            return None
