"""What `networkd.conf` tells systemd-networkd to do with rules and routes that are not its own.

Sources: networkd.conf(5), systemd-system.conf(5) on where such files lie and which of them count.
"""

import os
from typing import Final

from eip_agent.sources.keyfile import UnclearError, names_in, sections, text_of

_FOLDERS: Final = ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd")
"""The first one in which a name is found counts for that name."""
_NAME: Final = "networkd.conf"
_RULES: Final = "ManageForeignRoutingPolicyRules"
_ROUTES: Final = "ManageForeignRoutes"
_WORDS: Final = {
    **dict.fromkeys(("1", "yes", "y", "true", "t", "on"), True),
    **dict.fromkeys(("0", "no", "n", "false", "f", "off"), False),
}


def spared(root: str) -> tuple[bool | None, bool | None]:
    """Whether it leaves rules, and routes, that are not its own alone; by default it does neither.

    None where a file cannot be read or understood.  What was written after it was started is taken for what it does.
    """
    manages = {_RULES: True, _ROUTES: True}
    for path in _files(root):
        if os.path.realpath(path) == os.devnull:
            continue
        text = text_of(path)
        try:
            said = sections(text or "").get("Network", {})
        except UnclearError:
            text, said = None, {}
        if text is None:
            return None, None
        # A word that is none is no word to systemd either.
        manages = {key: _WORDS.get(said.get(key, "").lower(), former) for key, former in manages.items()}
    return not manages[_RULES], not manages[_ROUTES]


def _files(root: str) -> list[str]:
    """The file itself, then its drop-ins by name: what comes later counts."""
    main = [path for folder in _FOLDERS if os.path.lexists(path := f"{root}/{folder}/{_NAME}")]
    drop_ins: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in names_in(f"{root}/{folder}/{_NAME}.d"):
            if name.endswith(".conf"):
                drop_ins.setdefault(name, f"{root}/{folder}/{_NAME}.d/{name}")
    return [*main[:1], *(drop_ins[name] for name in sorted(drop_ins))]
