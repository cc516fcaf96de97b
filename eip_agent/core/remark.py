"""What the operator should know besides the plan.  Coded findings will grow from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the operator should know: what is so, what it means, what to do."""

    subject: str
    saw: str
    means: str
    do: str
