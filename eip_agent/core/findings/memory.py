"""EIP33x: what the agent keeps on disk, and could not use.  `lookout` and `reconcile` say so where they read it."""

from eip_agent.core.finding import Kind, Severity
from eip_agent.core.message import text

DAMAGED = Kind(
    "EIP331",
    Severity.NOTE,
    text("the last known good is damaged"),
    saw=text("{what}"),
    means=text("what the sources said before is not known; what they say now is used as always"),
    do=text("nothing: the next `eip-agent apply` puts it aside and writes a new one"),
    proof="tests/lab/findings/test_sources.py",
)
CLOSED = Kind(
    "EIP332",
    Severity.NOTE,
    text("the last known good cannot be read"),
    saw=text("{what}"),
    means=text("what the sources said before is not known; what they say now is used as always"),
    do=text("nothing; or run it with sudo, and see that the directory is root's alone"),
    proof="tests/lab/findings/test_sources.py",
)
ANOTHER = Kind(
    "EIP333",
    Severity.NOTE,
    text("the last known good is another instance's"),
    saw=text("the last known good was saved on another instance"),
    means=text("this disk was cloned; it is not used"),
    do=text("nothing: the next `eip-agent apply` replaces it"),
    proof="tests/lab/findings/test_sources.py",
)
JOURNAL = Kind(
    "EIP334",
    Severity.NOTE,
    text("the journal cannot be read"),
    saw=text("{what}"),
    means=text("which settings of links were borrowed is not known; everything else is"),
    do=text("nothing; or run it with sudo"),
    proof="tests/lab/findings/test_sources.py",
)

KINDS = (DAMAGED, CLOSED, ANOTHER, JOURNAL)
