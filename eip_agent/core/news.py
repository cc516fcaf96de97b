"""What is said when it appears and when it is over, and not each time that it is so."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

T = TypeVar("T")


def news(
    known: Mapping[Hashable, T], now: Mapping[Hashable, T]
) -> tuple[tuple[T, ...], tuple[T, ...], dict[Hashable, T]]:
    """What is new, what is over, and what is to be `known` the next time; all by what it is about.

    Something whose words only changed, as an age does, is no news, and is known as it was said.
    """
    new = tuple(now[about] for about in now if about not in known)
    over = tuple(known[about] for about in known if about not in now)
    return new, over, {about: known.get(about, said) for about, said in now.items()}
