"""What came of answers, kept as it comes in: answers joined with what their users did since, user by user.

Whoever has a new answer, or did something that the lake has got since, is joined anew by the one rule of
:mod:`movie_mlops.monitoring.quality`: what comes late corrects what was kept. The place in the event log moves in the
transaction that writes it, so that each event has its effect once, whoever is killed when.
"""

from movie_mlops.flows.outcomes.joiner import AnswerJoiner
from movie_mlops.flows.outcomes.kept import KeptOutcomes, heard_of
from movie_mlops.flows.outcomes.table import ANSWERS_JOINED, JOINS, OUTCOMES

__all__ = ["ANSWERS_JOINED", "JOINS", "OUTCOMES", "AnswerJoiner", "KeptOutcomes", "heard_of"]
