"""Time spans as people say them."""

from eip_agent.core.message import Message, say, text


def age(seconds: float) -> Message:
    """A time span as people say it."""
    for length, one, many in (
        (86400, say("1 day"), text("{number} days")),
        (3600, say("1 hour"), text("{number} hours")),
        (60, say("1 minute"), text("{number} minutes")),
    ):
        if seconds >= length:
            number = int(seconds // length)
            return one if number == 1 else Message(many, {"number": number})
    return say("{number} s", number=max(int(seconds), 0))
