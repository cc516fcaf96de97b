"""Facts as plain JSON values and back, checked: what comes from a disk is parsed into types like all else.

The types themselves are the format: dataclasses, enums, addresses, tuples, frozensets, and optional values of them.
"""

import dataclasses
import enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_SPELLED = (IPv4Address, IPv4Network, IPv6Address, IPv6Network)
_VALUES = (str, int, float, bool)
_BEYOND = float("inf")
"""What is no number is not less than this, and not more either."""
_UNIONS = (Union, type(int | None))


def encoded(value: object) -> Any:
    """The plain value.  Sets are sorted, so that equal facts have equal spellings."""
    match value:
        case None | str() | bool() | int() | float() | dict() | list():
            # What is plain already stays so.
            return value
        case enum.Enum():
            return value.value
        case tuple():
            return [encoded(one) for one in value]
        case frozenset():
            return sorted(map(encoded, value), key=str)
    if isinstance(value, _SPELLED):
        return str(value)
    if dataclasses.is_dataclass(value):
        return {field.name: encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
    message = f"no plain form for {type(value).__name__}"
    raise TypeError(message)


def decoded(kind: type[T], value: object, place: str = "") -> T:
    """The fact.  Raises ValueError naming the place where the value is not of that type."""
    found: T = _decoded(kind, value, place)
    return found


def _decoded(kind: Any, value: Any, place: str) -> Any:
    # A NewType is what it was made of.
    kind = getattr(kind, "__supertype__", kind)
    origin = get_origin(kind)
    if origin in _UNIONS:
        return _one_of(get_args(kind), value, place)
    if origin in (tuple, frozenset):
        return _several(kind, origin, value, place)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise _wrong(place, "an object", value)
        hints = get_type_hints(kind)
        parts = {name: _decoded(hints[name], value[name], f"{place}.{name}") for name in hints if name in value}
        return _made(kind, parts, place)
    if kind is Any:
        return value
    if kind in _VALUES or kind is type(None):
        # bool is an int to Python, and is none here.
        # JSON as Python reads it has numbers beyond all numbers, of which no time can be made.
        if type(value) is not kind or (kind is float and not abs(value) < _BEYOND):
            raise _wrong(place, kind.__name__, value)
        return value
    try:
        return kind(value if isinstance(value, str) else "")
    except ValueError as bad:
        raise _wrong(place, kind.__name__, value) from bad


def _made(kind: Any, parts: dict[str, Any], place: str) -> Any:
    try:
        return kind(**parts)
    except TypeError as missing:
        raise ValueError(f"{place.lstrip('.') or 'it'}: {missing}") from missing


def _several(kind: Any, origin: Any, value: Any, place: str) -> Any:
    kinds = get_args(kind)
    if not isinstance(value, list):
        raise _wrong(place, "a list", value)
    if origin is tuple and (len(kinds) != 2 or kinds[1] is not Ellipsis):
        if len(kinds) != len(value):
            raise _wrong(place, f"{len(kinds)} values", value)
        return tuple(
            _decoded(one, part, f"{place}[{n}]") for n, (one, part) in enumerate(zip(kinds, value, strict=True))
        )
    return origin(_decoded(kinds[0], part, f"{place}[{n}]") for n, part in enumerate(value))


def _one_of(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    wrong = ValueError(place)
    for kind in kinds:
        try:
            return _decoded(kind, value, place)
        except ValueError as bad:
            wrong = bad
    raise wrong


def _wrong(place: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"{place.lstrip('.') or 'it'}: not {wanted}: {str(value)[:40]!r}")
