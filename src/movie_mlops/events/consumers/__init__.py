"""Consumers: what becomes of recorded events, each event once in effect, whoever is killed when."""

from movie_mlops.events.consumers.consumer import Consumer, ConsumerConfig
from movie_mlops.events.consumers.consuming import Consuming, Done
from movie_mlops.events.consumers.dead_letters import DeadLetter, DeadLetters
from movie_mlops.events.consumers.effect import Effect, OnlineEffect
from movie_mlops.events.places import CONSUMERS, ONLINE, positions

__all__ = [
    "CONSUMERS",
    "ONLINE",
    "Consumer",
    "ConsumerConfig",
    "Consuming",
    "DeadLetter",
    "DeadLetters",
    "Done",
    "Effect",
    "OnlineEffect",
    "positions",
]
