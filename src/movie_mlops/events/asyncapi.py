"""The AsyncAPI 3 document: where events come in, where they are carried, and what they look like there."""

from typing import Any, Final

from movie_mlops.core.cloud_events import BATCH_TYPE, DATA_TYPE, EVENT_TYPE, SPEC_VERSION, TYPE_PREFIX
from movie_mlops.core.contract import LONGEST_NAME
from movie_mlops.core.nouns import Kind
from movie_mlops.events.schemas import versions

REFERENCE: Final = "src/movie_mlops/events/asyncapi.json"
"""Where the document is kept in the project."""

_MESSAGE: Final = {"$ref": "#/components/messages/interaction"}


def document(version: str) -> dict[str, Any]:
    """Return the document.

    Args:
        version: Of the platform.
    """
    newest = versions()[-1]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "movie-mlops events",
            "version": version,
            "description": "What users say happened, as CloudEvents 1.0. An event comes in by HTTP, is acknowledged"
            " when it is on disk, and is then carried in the order of the log, at least once.",
        },
        "defaultContentType": EVENT_TYPE,
        "servers": {
            "api": {"host": "localhost:8000", "protocol": "http", "description": "movie-mlops serve"},
            "redis": {"host": "localhost:6379", "protocol": "redis", "description": "MOVIE_MLOPS_REDIS_URL"},
            "kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "MOVIE_MLOPS_KAFKA_SERVERS"},
        },
        "channels": {
            "api": _channel("api", "/v1/events", {"http": {"method": "POST"}}, "In: one event, or a batch."),
            "stream": _channel(
                "redis",
                "movie-mlops:events:{log}",
                None,
                "Out: a stream of Redis; an entry's id is the event's place in the log, its field `event` holds it.",
            ),
            "topic": _channel(
                "kafka",
                "movie-mlops.events.{log}",
                {"kafka": {"topicConfiguration": {"cleanup.policy": ["delete"]}}},
                "Out: a topic of Kafka; the key is the user, so that the events of one are in order.",
            ),
        },
        "operations": {
            "takeEvents": _operation("receive", "api", "POST /v1/events takes it."),
            "carryByRedis": _operation("send", "stream", "movie-mlops worker --source redis sends it."),
            "carryByKafka": _operation("send", "topic", "movie-mlops worker --source kafka sends it."),
        },
        "components": {
            "messages": {
                "interaction": {
                    "name": "interaction",
                    "title": "What one user did with one film",
                    "contentType": EVENT_TYPE,
                    "description": f"Over HTTP also as {BATCH_TYPE}, in binary mode (headers `ce-…` around"
                    f" {DATA_TYPE}), or as a plain document.",
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-2020-12",
                        "schema": _envelope(newest.urn),
                    },
                }
            },
            "schemas": {f"{each.name}-v{each.version}": dict(each.document) for each in versions()},
        },
    }


def _channel(server: str, address: str, bindings: dict[str, Any] | None, description: str) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": address,
        "description": description,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": {"interaction": _MESSAGE},
    }
    if "{log}" in address:
        channel["parameters"] = {"log": {"description": "The name of the log: `movie-mlops events stats` tells it."}}
    if bindings:
        channel["bindings"] = bindings
    return channel


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/interaction"}],
    }


def _envelope(urn: str) -> dict[str, Any]:
    name, time = (
        {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
        {"type": "string", "format": "date-time"},
    )
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "data"],
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": {**name, "description": "The same id is the same event."},
            "source": {**name, "description": "Where it was learned from."},
            "type": {"enum": [TYPE_PREFIX + kind.value for kind in Kind]},
            "subject": {**name, "description": "The user."},
            "time": {**time, "description": "When it happened."},
            "datacontenttype": {"const": DATA_TYPE},
            "dataschema": {"const": urn},
            "recordedtime": {**time, "description": "Out only: when it was recorded."},
            "sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "Out only: its place in the log."},
            "traceparent": {"type": "string", "description": "Under which request, where that is traced."},
            "data": {"$ref": f"#/components/schemas/interaction-v{urn.rpartition(':')[2]}"},
        },
    }
