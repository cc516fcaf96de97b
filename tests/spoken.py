"""What is said in Chinese, and what is still English in it."""

import re
from typing import Final

from eip_agent.core.message import said
from eip_agent.errors import AgentError
from eip_agent.render.language import language

CHINESE: Final = language("zh")
_SAME: Final = re.compile(
    r"`[^`\n]*`|'[^'\n]*'|\"[^\"\n]*\"|\b(?:systemctl|chmod|chown) [^\n]*|/[^\s，：；）]*"  # noqa: RUF001  Chinese marks on purpose
)
"""Commands, what somebody has written, and paths are the same in every language."""
_WORDS: Final = re.compile(r"\b[A-Za-z][a-z]+ [a-z]{2,}\b")


def english(text: str) -> list[str]:
    """Words that follow each other as only English words do."""
    return _WORDS.findall(_SAME.sub("", text))


def in_chinese(error: AgentError) -> str:
    """What an error says, and its hint."""
    return f"{CHINESE(said(error))}\n{CHINESE(error.hint)}"
