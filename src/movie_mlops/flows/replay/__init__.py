"""A real history lived again: through the API, the log, triggers and releases, beside a model that never learns."""

from movie_mlops.flows.replay.config import ReplayConfig
from movie_mlops.flows.replay.history import History, read_history
from movie_mlops.flows.replay.outcome import Replayed
from movie_mlops.flows.replay.replay import replay
from movie_mlops.flows.replay.report import write_replay_report

__all__ = ["History", "ReplayConfig", "Replayed", "read_history", "replay", "write_replay_report"]
