"""Kafka: one topic for a log, its events in partitions by user, so that each user's are in order.

The producer is idempotent: what it repeats after a lost answer stands in the topic once. What it repeats after its own
end stands there twice, and consumers know what they have.
"""

from collections.abc import Sequence
from typing import Any, Final

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.events.places import begin, note_sent, place_of
from movie_mlops.events.transports.port import Delivery, Message, TransportError, read_message
from movie_mlops.state import Database

GROUP: Final = "movie-mlops"
_RELAY: Final = "relay:kafka"
_OFFSET: Final = "sequence"


class KafkaTopic:
    """The topic of one log, for a relay.

    Args:
        servers: The brokers to ask first, as ``host:port,host:port``.
        log_name: Which log.
        database: Where it is kept how far the topic has the log: Kafka cannot be asked for that.
        options: Further settings of librdkafka.
        patience_seconds: How long brokers have for what is sent.
    """

    name = "kafka"
    keeps_all = True

    def __init__(
        self,
        servers: str,
        log_name: str,
        database: Database,
        *,
        options: dict[str, Any] | None = None,
        patience_seconds: float = 10.0,
    ) -> None:
        self.topic = topic_of(log_name)
        self._database = database
        self._patience = patience_seconds
        self._producer = _kafka().Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "compression.type": "lz4",
                "message.timeout.ms": int(patience_seconds * 1000),
                **(options or {}),
            }
        )

    def last(self) -> int:
        """Return the offset up to which the topic has the log."""
        with self._database.read() as connection:
            place = place_of(connection, _RELAY)
        return 0 if place is None else place[0]

    def send(self, messages: Sequence[Message], *, after: int) -> bool:
        """Send events and wait until every broker that must has them."""
        failed: list[str] = []

        def told(error: Any, _message: Any) -> None:
            if error is not None:
                failed.append(error.name())

        try:
            for each in messages:
                self._send(each, told)
            left = self._producer.flush(self._patience + 1)
        except _kafka().KafkaException as error:
            raise _away(error.args[0].name()) from error
        if failed or left:
            raise _away(failed[0] if failed else "no answer in time")
        with self._database.write() as connection:
            begin(connection, _RELAY, 0)
            return note_sent(connection, _RELAY, messages[-1].offset, after=after)

    def forget(self, offsets: Sequence[int]) -> int:  # noqa: ARG002 - a record of a topic cannot be removed
        """Do nothing: what was erased goes from the topic with its retention (see the document of erasure)."""
        return 0

    def trim(self, before: int) -> None:
        """Do nothing: the topic has its own retention."""

    def _send(self, message: Message, told: Any) -> None:
        headers = {_OFFSET: str(message.offset).encode(), "content-type": b"application/cloudevents+json"}
        while True:
            try:
                self._producer.produce(
                    self.topic, message.body, message.key.encode(), headers=headers, on_delivery=told
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return


class KafkaSource:
    """The same, for a consumer.

    Args:
        servers: The brokers to ask first.
        log_name: Which log.
        options: Further settings of librdkafka.
    """

    def __init__(self, servers: str, log_name: str, *, options: dict[str, Any] | None = None) -> None:
        self._consumer = _kafka().Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                **(options or {}),
            }
        )
        self._consumer.subscribe([topic_of(log_name)])

    def take(self, most: int, wait_seconds: float) -> list[Delivery]:
        """Return what came."""
        kafka = _kafka()
        try:
            found = self._consumer.consume(most, wait_seconds)
        except kafka.KafkaException as error:
            raise _away(error.args[0].name()) from error
        for each in found:
            problem = each.error()
            # A topic that is not there yet is made by the first event.
            if problem is not None and problem.code() != kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise _away(problem.name())
        return [read_message(each, each.value() or b"") for each in found if each.error() is None]

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Commit how far each partition is read."""
        kafka = _kafka()
        newest: dict[tuple[str, int], int] = {}
        for each in deliveries:
            place = (each.token.topic(), each.token.partition())
            newest[place] = max(newest.get(place, 0), each.token.offset() + 1)
        if newest:
            places = [kafka.TopicPartition(*place, offset) for place, offset in newest.items()]
            try:
                self._consumer.commit(offsets=places, asynchronous=False)
            except kafka.KafkaException as error:
                # Somebody else has these partitions by now, and reads them again.
                raise _away(error.args[0].name()) from error

    def close(self) -> None:
        """Leave the group, so that the others have its partitions at once."""
        self._consumer.close()


def topic_of(log_name: str) -> str:
    """Return the name of a log's topic."""
    return f"movie-mlops.events.{log_name}"


def _kafka() -> Any:
    try:
        import confluent_kafka  # noqa: PLC0415 - only who uses it needs it
    except ImportError as error:
        raise ConfigurationError(
            "Kafka needs the package confluent-kafka, which is not installed.",
            next_step="Install it with: pip install 'movie-mlops[kafka]'",
        ) from error
    return confluent_kafka


def _away(why: str) -> TransportError:
    return TransportError(
        f"Kafka cannot be used as a transport ({why}).",
        next_step="Events wait in the log; look whether its brokers answer.",
    )
