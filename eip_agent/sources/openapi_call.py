"""One question to the OpenAPI with its pages, as `eip_agent.openapi.round.ask` gives it.  Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from eip_agent.core.message import say
from eip_agent.sources.openapi_fields import Item, as_list, as_mapping, objects_at, text_of, words_of

PARTIAL: Final = say("the list is not whole, or not a list")
_DENIED: Final = re.compile(
    r"Forbidden(\.(RAM|NoPermission|Unauthorized|AccessDenied))?|Forbbiden.*|NoPermission.*|\w+Deny"
)
"""`Forbbiden` is how DescribeEipGatewayInfo spells it.  `Forbidden.RegionNotFound` and its like are something else."""


class Call:
    """One question with its pages."""

    def __init__(self, call: Item) -> None:
        self.action = text_of(call, "action")
        self.product = text_of(call, "product")
        self.of = text_of(call, "of")
        self.path = "/".join(filter(None, ("openapi", self.action, self.of)))
        self.answers = as_list(call.get("answers"))
        error = as_mapping(call.get("error"))
        self.failed = bool(error) or not self.answers
        self.code, self.message = text_of(error, "code"), words_of(error)
        if not error and not self.answers:
            self.message = say("no answer")
        self.denied = bool(_DENIED.fullmatch(self.code))

    def is_whole(self, *path: str) -> bool:
        """Whether every page has its list, every item can be looked into, and none is missing at the end."""
        if self.failed:
            return False
        pages = [as_mapping(answer) for answer in self.answers]
        # An empty list may be absent, its wrapper may not: there would be nothing to tell it from another answer.
        # Where it has none, the number of items does.
        *outer, inner = path
        wrappers = [page.get(outer[0]) if outer else page for page in pages]
        absent: list[object] | None = [] if outer or text_of(pages[-1], "TotalCount") == "0" else None
        lists = [wrapper.get(inner, absent) for wrapper in wrappers if isinstance(wrapper, Mapping)]
        listed = [item for one in lists if isinstance(one, list) for item in one]
        sound = len(lists) == len(pages) and all(isinstance(one, list) for one in lists)
        total, more = text_of(pages[-1], "TotalCount"), text_of(pages[-1], "NextToken")
        paged = "PageNumber" in pages[-1] and total.isdecimal()
        return (
            sound
            and all(isinstance(item, Mapping) for item in listed)
            and not more
            and not (paged and len(listed) < int(total))
        )

    def found(self, *path: str) -> Iterator[Item]:
        """The items of all pages at a path; raises nothing where the page has none of the kind."""
        for answer in self.answers:
            yield from objects_at(answer, *path)
