"""The loop: triggers propose, the main job makes, the gate and a canary decide, and everything is put on record."""

from movie_mlops.flows.loop.background import Background
from movie_mlops.flows.loop.loop import Loop, LoopConfig, Make
from movie_mlops.flows.loop.measuring import Watched, new_rows

__all__ = ["Background", "Loop", "LoopConfig", "Make", "Watched", "new_rows"]
