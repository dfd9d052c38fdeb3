"""CloudEvents 1.0 over HTTP, in each content mode, and batches of which the good part is taken."""

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from movie_mlops.core.cloud_events import BATCH_TYPE, EVENT_TYPE
from movie_mlops.events import envelope
from movie_mlops.events.stored import EVENTS
from movie_mlops.security.people import LeftOut
from tests.fixtures.stage_5.platform import Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("cloud"))
    yield platform
    platform.database.close()


@pytest.fixture(scope="module")
def served(platform: Platform) -> Iterator[httpx.Client]:
    with platform.served() as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def client(served: httpx.Client, platform: Platform) -> httpx.Client:
    with platform.database.write() as connection:
        connection.execute(EVENTS.delete())
    return served


def cloud(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"c-{number}",
        "source": "/apps/tv",
        "type": "movie_mlops.interaction.rating",
        "subject": f"user {number}",
        "time": "2026-01-31T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"movie_id": 6, "value": 4.5},
        **changes,
    }


def post(client: httpx.Client, body: Any, media: str, **options: Any) -> httpx.Response:
    return client.post(
        "/v1/events", json=body, headers={"Content-Type": media, **options.pop("headers", {})}, **options
    )


def recorded(platform: Platform) -> list[dict[str, Any]]:
    hidden = {"recordedtime", "sequence", "dataschema"}
    return [
        {name: value for name, value in envelope(event).items() if name not in hidden}
        for event in platform.events.read(0, 99)
    ]


def test_each_content_mode_records_the_same(client: httpx.Client, platform: Platform) -> None:
    """Structured, batched and binary: what was sent stands in the log as it was sent, and is written as it came."""
    sent = [cloud(number) for number in range(4)]
    assert post(client, sent[0], EVENT_TYPE + "; charset=utf-8").json()["event_ids"] == ["c-0"]
    batched = post(client, sent[1:3], BATCH_TYPE)
    assert (batched.status_code, batched.json()["accepted"]) == (201, 2)
    # Names and values of headers are written by the HTTP binding's rules: other characters than those of ASCII as %XX.
    headers = {f"ce-{name}": value for name, value in sent[3].items() if name not in {"data", "datacontenttype"}}
    binary = client.post("/v1/events", json=sent[3]["data"], headers={**headers, "ce-subject": "user%203"})
    assert (binary.status_code, binary.json()["event_ids"]) == (201, ["c-3"])
    assert recorded(platform) == sent
    assert post(client, [*sent, cloud(4, comexampleother="kept by nobody")], BATCH_TYPE).json()["duplicates"] == 4
    assert post(client, [], BATCH_TYPE).json() == {"accepted": 0, "duplicates": 0, "event_ids": []}


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("specversion", {"specversion": "0.3"}),
        ("specversion", {"specversion": None}),
        ("id", {"id": ""}),
        ("id", {"id": 7}),
        ("source", {"source": None}),
        ("source", {"source": "a\n"}),
        ("subject", {"subject": None}),
        ("type", {"type": "com.example.other"}),
        ("type", {"type": "movie_mlops.interaction.stare"}),
        ("time", {"time": "2999-01-31T12:00:00Z"}),
        ("time", {"time": "noon"}),
        ("dataschema", {"dataschema": "urn:movie-mlops:schema:interaction:2"}),
        ("datacontenttype", {"datacontenttype": "text/xml"}),
        ("data_base64", {"data_base64": "e30="}),
        ("data", {"data": None}),
        ("data", {"data": [1]}),
        ("data.movie_id", {"data": {"movie_id": "6"}}),
        ("data.movie_id", {"data": {"movie_id": 5, "value": 4}}),
        ("data.value", {"data": {"movie_id": 6, "value": 9}}),
        ("data.colour", {"data": {"movie_id": 6, "value": 4, "colour": 1}}),
        ("Bad_Name", {"Bad_Name": "x"}),
    ],
)
def test_a_bad_envelope_is_refused_by_attribute_and_item(
    client: httpx.Client, platform: Platform, field: str, changes: dict[str, Any]
) -> None:
    """The problem names the attribute as the sender calls it and which item it is; nothing of the batch is recorded."""
    answer = post(client, [cloud(0), {**cloud(1), **changes}], BATCH_TYPE)
    assert answer.status_code == 422, answer.text
    assert [(fault["item"], fault["field"]) for fault in answer.json()["errors"]] == [(1, field)]
    assert platform.events.count() == 0


def test_what_cannot_be_a_batch_is_refused(client: httpx.Client, platform: Platform) -> None:
    """No list, too many items, no JSON, a million events, a body of ten megabytes: all 4xx, all with a reason."""
    assert post(client, {"events": []}, BATCH_TYPE).json()["detail"].startswith("The body must be a list")
    assert post(client, [cloud(0)] * 1001, BATCH_TYPE).status_code == 422
    broken = client.post("/v1/events", content=b"[{", headers={"Content-Type": BATCH_TYPE})
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:movie-mlops:problem:malformed-json")
    million = b'{"events":[' + b"1," * 999_999 + b"1]}"
    answer = client.post("/v1/events", content=million, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "1000" in answer.text
    large = client.post("/v1/events", content=b" " * 10_000_000, headers={"Content-Type": EVENT_TYPE})
    assert large.status_code == 413
    assert platform.events.count() == 0


def test_good_events_are_taken_where_that_is_asked_for(client: httpx.Client, platform: Platform) -> None:
    """With ``partial=true`` or ``Prefer: handling=lenient`` the good ones are taken, each other is told why not."""
    like = {"user_id": "ann", "movie_id": 6, "kind": "like"}
    batch = [
        {**like, "event_id": "one"},
        {**like, "movie_id": 5},
        {**like, "kind": "stare"},
        {**like, "event_id": "one", "movie_id": 1},
        {**like, "event_id": "one"},
        {**like, "event_time": "2999-01-01T00:00:00Z", "value": 3},
    ]
    assert client.post("/v1/events", json={"events": batch}).status_code == 422
    assert platform.events.count() == 0
    answer = client.post("/v1/events", json={"events": batch}, params={"partial": "true"})
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["duplicates"]) == (201, 1, 1)
    assert told["event_ids"] == ["one", None, None, None, "one", None]
    assert [(each["item"], each["field"], each["code"]) for each in told["refused"]] == [
        (1, "movie_id", "unknown-film"),
        (2, "kind", "invalid"),
        (3, "event_id", "event-conflict"),
        (5, "event_time", "invalid"),
    ]
    lenient = post(client, [cloud(1), cloud(2, time="noon")], BATCH_TYPE, headers={"Prefer": "handling=lenient"})
    assert lenient.headers["preference-applied"] == "handling=lenient"
    assert (lenient.json()["accepted"], lenient.json()["refused"][0]["field"]) == (1, "time")
    assert client.post("/v1/events", json={"events": batch[1:3]}, params={"partial": "1"}).status_code == 422
    assert client.post("/v1/events", json={"events": batch}, params={"partial": "maybe"}).status_code == 422
    assert platform.events.count() == 2


def test_a_batch_that_is_refused_whole_says_why_of_each(
    client: httpx.Client, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids that are taken, people who do not permit it or were erased: each event by its place, and nothing recorded."""

    class Gone:
        def left_out(self, users: Iterable[str], *_: object) -> LeftOut:
            those = frozenset(users)
            return LeftOut(those & {"gone"}, those & {"no"})

    monkeypatch.setattr(platform.events, "_people", Gone())
    like = {"user_id": "ann", "movie_id": 6, "kind": "like"}
    first, second = ({**like, "event_id": name} for name in ("one", "two"))
    assert client.post("/v1/events", json={"events": [first, second]}).json()["accepted"] == 2

    def refused(events: list[dict[str, Any]]) -> tuple[int, str, list[tuple[int, str, str]]]:
        answer = client.post("/v1/events", json={"events": events})
        document = answer.json()
        assert document["type"] == f"urn:movie-mlops:problem:{document['errors'][0]['code']}"
        assert {each["in"] for each in document["errors"]} == {"body"}
        told = [(each["item"], each["field"], each["code"]) for each in document["errors"]]
        return answer.status_code, document["detail"], told

    # Places are those of what was sent, though an event that comes twice is recorded once.
    twice = {**like, "event_id": "three"}
    status, detail, told = refused([twice, twice, like, {**first, "movie_id": 1}, {**second, "kind": "dislike"}])
    assert (status, told) == (409, [(3, "event_id", "event-conflict"), (4, "event_id", "event-conflict")])
    assert detail.startswith("The event id 'one' is taken by an event with another content; nothing of the batch was")
    assert "recorded (1 more, see errors). Give every event an id of its own" in detail
    assert refused([like, {**like, "event_id": "new"}, {**like, "event_id": "new", "movie_id": 1}])[::2] == (
        409,
        [(2, "event_id", "event-conflict")],
    )
    no, gone = {**like, "user_id": "no"}, {**like, "user_id": "gone"}
    assert refused([{**like, "event_id": "x"}, {**like, "event_id": "x"}, no, gone])[::2] == (
        403,
        [(2, "user_id", "no-consent"), (3, "user_id", "erased-user")],
    )
    assert refused([gone, like])[::2] == (410, [(0, "user_id", "erased-user")])
    alone = client.post("/v1/events", json=gone).json()["errors"]
    reason = "is of somebody whose data was erased"
    assert alone == [{"in": "body", "field": "user_id", "reason": reason, "code": "erased-user"}]
    envelope = post(client, [cloud(1), cloud(2, subject="no")], BATCH_TYPE).json()["errors"]
    assert [(each["item"], each["field"]) for each in envelope] == [(1, "subject")]
    some = client.post("/v1/events", json={"events": [like, gone]}, params={"partial": "true"}).json()
    assert (some["accepted"], [each["reason"] for each in some["refused"]]) == (1, [reason])
    assert platform.events.count() == 3


def test_the_short_way_and_the_long_one_say_the_same(client: httpx.Client, platform: Platform) -> None:
    """What goes past the framework is answered, and refused, as what goes through; in chunks too."""
    like = {"user_id": "ann", "movie_id": 6, "kind": "like", "event_id": "one", "event_time": "2026-01-31T12:00:00Z"}
    bodies = [
        like,
        {"events": [like]},
        {**like, "movie_id": 1},
        {**like, "movie_id": 5},
        {**like, "kind": "stare"},
        {},
        [],
    ]
    for body in bodies:
        short = client.post("/v1/events", json=body)
        long = client.post("/v1/events", json=body, headers={"Prefer": "handling=strict"})
        given, strict = short.json(), long.json()
        for told in (given, strict):
            told.pop("request_id", None)
            told.pop("accepted", None)
            told.pop("duplicates", None)
        assert (short.status_code, given) == (long.status_code, strict)
    chunks = (part for part in (b'{"user_id": "ann", "movie_id"', b': 6, "kind": "like"}'))
    chunked = client.post("/v1/events", content=chunks, headers={"Content-Type": "application/json"})
    assert (chunked.status_code, chunked.json()["accepted"]) == (201, 1)
    assert platform.events.count() == 2
    told = client.get("/metrics").text
    assert 'route="/v1/events",status="201"' in told or 'status="201"' in told
