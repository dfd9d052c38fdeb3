"""The operators' console: every stage at a glance, and what the command line does with releases."""

from movie_mlops.serving.console.glance import Glance, Need, state_of

__all__ = ["Glance", "Need", "state_of"]
