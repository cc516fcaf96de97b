"""What the answers of the simulated OpenAPI share: refusals, and lists in pages.  Pure."""

from collections.abc import Mapping
from typing import Any, Final

VPC_ID: Final = "vpc-bp1lab"
TOKEN: Final = "next-"  # noqa: S105 - of a page
"""What the token of a page begins with; the rest is where the page starts."""

Answer = dict[str, Any]
Query = Mapping[str, str]


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def paged(found: list[Answer], query: Query, path: tuple[str, str], *, default: int = 10, most: int = 50) -> Answer:
    """A page of a list whose pages have numbers.  Raises RefusedError."""
    number, size = int(query.get("PageNumber", "1")), int(query.get("PageSize", str(default)))
    if number < 1 or not 1 <= size <= most:
        raise RefusedError(400, "InvalidParameter", f"PageSize is from 1 to {most}")
    page = found[(number - 1) * size : number * size]
    return {path[0]: {path[1]: page}, "TotalCount": len(found), "PageNumber": number, "PageSize": size}


def tokened(found: list[Answer], query: Query, size: int) -> tuple[list[Answer], str]:
    """A page of a list whose pages have tokens, and the token of the next; empty where there is none."""
    start = int(query.get("NextToken", f"{TOKEN}0").removeprefix(TOKEN))
    token = f"{TOKEN}{start + size}" if start + size < len(found) else ""
    return found[start : start + size], token
