"""What of a request's body, or of an answer, must be the caller's own; what a path names was checked before."""

from collections.abc import Iterable

from movie_mlops.security import PRINCIPAL, Access, not_own


def check_own(user_ids: Iterable[str | None]) -> None:
    """Refuse whoever may see the data of one user alone, where somebody else is named; ``None`` names nobody.

    Raises:
        ForbiddenError: They may not.
    """
    principal = PRINCIPAL.get()
    if principal.bound and not all(user_id is None or principal.is_own(user_id) for user_id in user_ids):
        raise not_own()


def check_asked(access: Access, user_ids: Iterable[str | None]) -> None:
    """Refuse whoever asks for more different users than they may; it may wait.

    Raises:
        ForbiddenError: Somebody is not theirs to see.
        TooManyUsersError: They are too many.
    """
    named = [user_id for user_id in user_ids if user_id is not None]
    check_own(named)
    access.asked.check(PRINCIPAL.get(), named)


def may_see(user_id: str | None) -> bool:
    """Return whether whoever asks may see an answer that was given to a user; one without a user is nobody's own."""
    return PRINCIPAL.get().is_own(user_id)
