"""Who is told when a flow takes longer than it may. Put your own way of telling people here."""

import logging


def missed(flow: str, minutes: float) -> None:
    """Say it in the log of the scheduler's executor."""
    logging.getLogger(__name__).error("The flow %s has not ended within %.0f minutes.", flow, minutes)
