"""Events as they come by HTTP: plain, or in envelopes of CloudEvents in each of its three content modes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Self

import orjson
from pydantic import ValidationError

from movie_mlops.core import clock
from movie_mlops.core.cloud_events import BATCH_TYPE, DATA_TYPE, EVENT_TYPE, WHERE, fields_of, from_headers
from movie_mlops.core.contract import CLOCK_SKEW, name_fault
from movie_mlops.core.nouns import Interaction
from movie_mlops.serving.shapes import MOST_EVENTS, EventIn
from movie_mlops.serving.sound import read_body, read_sound

PLAIN_SOURCE: Final = "api"
"""The source of events that name none."""

Form = Literal["plain", "event", "batch", "binary"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one event.

    Attributes:
        item: Which of the batch it is, from 0.
        field: What is wrong, as the sender named it.
        reason: The end of a sentence.
        code: A word for programs.
        place: Whether it stands in the body or in a header.
    """

    item: int
    field: str
    reason: str
    code: str = "invalid"
    place: str = "body"

    def document(self, *, many: bool = True) -> dict[str, Any]:
        """Return it as problem documents tell it."""
        item = {"item": self.item} if many else {}
        return {"in": self.place, **item, "field": self.field, "reason": self.reason}


class CannotBeReadError(Exception):
    """The body is no JSON, or has another shape than its content type says; the framework says what is wrong."""


@dataclass(frozen=True, slots=True)
class Received:
    """The events of a request.

    Attributes:
        form: How they came.
        many: Whether they are a batch.
        read: What is sound, as interactions.
        faults: Everything that is wrong.
        items: Of each interaction, its place in the batch; ``None``: nothing is wrong, and each has its own.
    """

    form: Form
    many: bool
    read: Sequence[Interaction]
    faults: Sequence[Fault] = ()
    items: Sequence[int] | None = None

    @classmethod
    def of(cls, form: Form, said: Iterable[Interaction | tuple[Fault, ...]], *, many: bool) -> Self:
        """Return what was read event by event: each as an interaction, or what is wrong with it."""
        read, faults, items = list[Interaction](), list[Fault](), list[int]()
        for item, each in enumerate(said):
            if isinstance(each, Interaction):
                read.append(each)
                items.append(item)
            else:
                faults += each
        return cls(form, many, read, faults, items if faults else None)

    @property
    def events(self) -> int:
        """How many events there are, sound or not."""
        return len(self.read) if self.items is None else len(self.items) + len({fault.item for fault in self.faults})

    @property
    def interactions(self) -> list[tuple[int, Interaction]]:
        """What is sound, each with its place in the batch."""
        return list(enumerate(self.read) if self.items is None else zip(self.items, self.read, strict=True))

    def called(self, field: str) -> str:
        """Return what the sender calls a field of an interaction."""
        return _called(self.form, field)


def form_of(headers: Mapping[str, str]) -> Form | None:
    """Return how events come with these headers; ``None`` where that is not known."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in {EVENT_TYPE, BATCH_TYPE}:
        return "event" if media == EVENT_TYPE else "batch"
    if media != DATA_TYPE:
        return None
    return "binary" if "ce-specversion" in headers else "plain"


def receive(form: Form, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Received:
    """Read the events of a request.

    Args:
        form: How they come.
        body: The request's body.
        headers: As they came.

    Raises:
        CannotBeReadError: The body is none of this form.
    """
    latest = clock.now() + CLOCK_SKEW
    if form == "plain" and (sound := read_body(body, PLAIN_SOURCE, latest)) is not None:
        return Received(form, *sound)
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CannotBeReadError from error
    if form == "plain":
        many = isinstance(said, dict) and "events" in said
        if many and (said.keys() != {"events"} or not _is_batch(said["events"], least=1)):
            raise CannotBeReadError
        events = said["events"] if many else [said]
        return Received.of(form, (_plain(*each, PLAIN_SOURCE, latest) for each in enumerate(events)), many=many)
    if form == "batch" and not _is_batch(said, least=0):
        raise CannotBeReadError
    envelopes = said if form == "batch" else [from_headers(headers, said) if form == "binary" else said]
    return Received.of(form, (_envelope(form, *each, latest) for each in enumerate(envelopes)), many=form == "batch")


def _is_batch(said: Any, *, least: int) -> bool:
    return isinstance(said, list) and least <= len(said) <= MOST_EVENTS


def _plain(
    item: int, said: Any, source: str, latest: datetime, form: Form = "plain"
) -> Interaction | tuple[Fault, ...]:
    sound = read_sound(said, source, latest)
    if sound is not None:
        return sound
    try:
        event = EventIn.model_validate(said)
    except ValidationError as error:
        return tuple(_faults(form, item, error))
    return event.interaction(source)


def _envelope(form: Form, item: int, said: Any, latest: datetime) -> Interaction | tuple[Fault, ...]:
    fields, wrong = fields_of(said)
    source = fields.pop("source", "")
    if not wrong and (fault := name_fault(source)) is not None:
        wrong = [("source", fault)]
    if wrong:
        return tuple(Fault(item, _header(form, name), reason, place=_place(form, name)) for name, reason in wrong)
    return _plain(item, fields, source, latest, form)


def _faults(form: Form, item: int, error: ValidationError) -> Iterator[Fault]:
    for each in error.errors():
        field = ".".join(str(part) for part in each["loc"])
        reason = str(each["msg"]).removeprefix("Value error, ")
        if not field and form != "plain" and reason.startswith("value "):
            field, reason = "value", reason.removeprefix("value ")
        name = WHERE.get(field, field) if form != "plain" else field
        yield Fault(item, _called(form, field), reason, place=_place(form, name))


def _called(form: Form, field: str) -> str:
    return field if form == "plain" else _header(form, WHERE.get(field, field))


def _header(form: Form, attribute: str) -> str:
    return f"ce-{attribute}" if _place(form, attribute) == "header" else attribute


def _place(form: Form, attribute: str) -> str:
    return "header" if form == "binary" and not attribute.startswith("data") else "body"
