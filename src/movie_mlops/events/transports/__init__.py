"""Transports: what carries events to whoever consumes them. They carry; the log remembers."""

from movie_mlops.events.transports.log_source import LogSource
from movie_mlops.events.transports.port import Carries, Delivery, Message, Source, TransportError
from movie_mlops.events.transports.relay import Relay

__all__ = ["Carries", "Delivery", "LogSource", "Message", "Relay", "Source", "TransportError"]
