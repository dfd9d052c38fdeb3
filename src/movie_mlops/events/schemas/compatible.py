"""Whether a schema takes all that another one took: what was recorded under the old must be read under the new."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_WORDS: Final = frozenset({"$schema", "$id", "title", "description", "examples", "$comment", "default", "deprecated"})
"""What says nothing of which documents are taken."""
_LOW: Final = ("minimum", "minLength", "minItems")
_HIGH: Final = ("maximum", "maxLength", "maxItems")
_AS_IT_IS: Final = ("pattern", "format")
_JUDGED: Final = frozenset(
    {"type", "enum", "const", "required", "properties", "additionalProperties", "items", *_LOW, *_HIGH, *_AS_IT_IS}
)


def narrowings(old: Schema, new: Schema, at: str = "") -> list[str]:
    """Return where the new schema refuses a document that the old one took; none: it can follow.

    Args:
        old: The schema before.
        new: The one that shall follow it.
        at: Where in both this is.

    Returns:
        Sentences, each with its place. What cannot be judged counts as refused.
    """
    place = at or "the document"
    return [f"{place}: {what}" for what in _here(old, new)] + list(_below(old, new, at))


def _here(old: Schema, new: Schema) -> Iterator[str]:
    for word in sorted((old.keys() | new.keys()) - _WORDS - _JUDGED):
        if old.get(word) != new.get(word):
            yield f"{word} was changed, which cannot be judged"
    if "type" in new and (lost := _types(old) - _types(new)):
        yield f"{', '.join(sorted(lost))} is not taken any more"
    if needed := set(new.get("required", ())) - set(old.get("required", ())):
        yield f"{', '.join(sorted(needed))} must be there now"
    yield from _fewer_values(_values(old), _values(new))
    yield from (f"{word} is higher" for word in _LOW if word in new and new[word] > old.get(word, float("-inf")))
    yield from (f"{word} is lower" for word in _HIGH if word in new and new[word] < old.get(word, float("inf")))
    yield from (f"{word} was changed" for word in _AS_IT_IS if word in new and new[word] != old.get(word))


def _fewer_values(before: list[Any] | None, after: list[Any] | None) -> Iterator[str]:
    if after is None:
        return
    if before is None:
        yield "only some values are taken now"
    elif lost := [value for value in before if value not in after]:
        yield f"{', '.join(map(repr, lost))} is not taken any more"


def _below(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_open, is_open = (schema.get("additionalProperties", True) is not False for schema in (old, new))
    if was_open and not is_open:
        yield f"{at or 'the document'}: further fields are not taken any more"
    for name in [*before, *(name for name in after if name not in before)]:
        where = f"{at}.{name}" if at else name
        if name not in after:
            if not is_open:
                yield f"{where}: is not taken any more"
        elif name in before:
            yield from narrowings(before[name], after[name], where)
        elif was_open:
            yield f"{where}: was free before, and has a schema now"
    if "items" in new:
        yield from narrowings(old.get("items", {}), new["items"], f"{at}[]")


def _types(schema: Schema) -> set[str]:
    said = schema.get("type")
    every = {"object", "array", "string", "number", "integer", "boolean", "null"}
    types = every if said is None else {said} if isinstance(said, str) else set(said)
    # Every integer is a number.
    return types | ({"integer"} if "number" in types else set())


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None
