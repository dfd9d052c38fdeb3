"""What a recommender says of itself, so that nobody has to try."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """What a recommender can do.

    Attributes:
        personalised: Two histories may give two rankings.
        needs_times: `Recommender.fit` needs the times of the interactions.
        similar: `Recommender.similar` works.
        explains: `Recommender.explain` works.
        reads_times: Scores depend on when the films of a history were met; without times they still mean something.
        reads_content: `Recommender.fit` learns from facts of the films where it is given them.
        scores_unseen: A film without a like that has facts is scored by these, and may be recommended.
        explains_content: `Recommender.explain_content` works.
        reads_traits: It learns from traits of the users where it is given them, and scores by them.
        reads_features: It reads what a feature store knows of users and films, where it is handed it.
        additive: The contributions that `Recommender.explain` tells sum to the score. So what a disliked film would
            have added can be taken off.
        composed: It is made of other recommenders: as good as theirs, it costs more.
        libraries: What trains it beside the platform's own libraries: an extra.
    """

    personalised: bool
    needs_times: bool
    similar: bool
    explains: bool
    reads_times: bool = False
    reads_content: bool = False
    scores_unseen: bool = False
    explains_content: bool = False
    reads_traits: bool = False
    reads_features: bool = False
    additive: bool = True
    composed: bool = False
    libraries: tuple[str, ...] = ()
