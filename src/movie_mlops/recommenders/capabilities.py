"""What a recommender says of itself, so that nobody has to try."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """What a recommender can do.

    Attributes:
        personalised: Two histories may give two rankings.
        needs_times: `Recommender.fit` needs the times of the interactions.
        similar: `Recommender.similar` works.
        explains: `Recommender.explain` works, and its contributions sum to the score.
    """

    personalised: bool
    needs_times: bool
    similar: bool
    explains: bool
