"""Findings for real: make a situation in the simulated cloud, see its finding, follow the remedy, see it gone.

::

    with Cloud(...) as cloud:
        cloud.guest.ip("link set eth1 down")        the situation
        found = see(cloud, "EIP105")                the finding, its texts as in tests/golden/findings/EIP105.txt
        heal(cloud, found)                          its commands, run in the guest
        gone(cloud, "EIP105")

After a change on purpose: `EIP_AGENT_UPDATE_GOLDEN=1 pytest tests/lab/findings`, then read the difference.
"""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eip_agent.lab.cloud import Cloud

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "findings"
UPDATE: Final = "EIP_AGENT_UPDATE_GOLDEN" in os.environ  # noqa: TID251  no setting of the agent

Found = dict[str, Any]
"""A finding as JSON has it."""


def findings(cloud: Cloud, *options: str) -> list[Found]:
    """All that `explain` finds, the worst first."""
    done = cloud.agent("explain", "--format", "json", *options)
    assert done.returncode in (0, 3, 4), done.stderr
    found: list[Found] = json.loads(done.stdout)["findings"]
    return found


def codes(cloud: Cloud, *options: str) -> list[str]:
    """The codes of all that is found."""
    return [found["code"] for found in findings(cloud, *options)]


def see(cloud: Cloud, code: str, *options: str, golden: str = "", hide: Sequence[tuple[str, str]] = ()) -> Found:
    """Give the one finding of that code, its texts in both languages as in the golden file.

    `golden` names the file where a code has several; `hide` are texts that differ from run to run, and what stands
    for them in the file.
    """
    english, chinese = (findings(cloud, "--lang", lang, *options) for lang in ("en", "zh"))
    return _as_golden(code, english, chinese, golden, hide)


def see_only(cloud: Cloud, code: str, golden: str = "") -> Found:
    """The same where nothing else is found."""
    english, chinese = (findings(cloud, "--lang", lang) for lang in ("en", "zh"))
    assert [one["code"] for one in english] == [code]
    return _as_golden(code, english, chinese, golden)


def see_all(cloud: Cloud, *wanted: str) -> dict[str, Found]:
    """The same for several codes that are found at once, at the price of one."""
    english, chinese = (findings(cloud, "--lang", lang) for lang in ("en", "zh"))
    hide = ((str(cloud.directory), "/etc/eip-agent"),)
    return {code: _as_golden(code, english, chinese, hide=hide) for code in wanted}


def _as_golden(
    code: str, english: list[Found], chinese: list[Found], golden: str = "", hide: Sequence[tuple[str, str]] = ()
) -> Found:
    texts, found = [], None
    for listed in (english, chinese):
        named = [one for one in listed if one["code"] == code]
        assert len(named) == 1, f"{code} was found {len(named)} times in {[one['code'] for one in listed]}"
        found = found or named[0]
        texts.append(spelled(named[0]))
    whole = "\n".join(texts)
    for text, instead in hide:
        whole = whole.replace(text, instead)
    path = GOLDEN / f"{golden or code}.txt"
    if UPDATE:
        path.write_text(whole, encoding="utf-8")
    assert whole == path.read_text(encoding="utf-8")
    assert found is not None
    return found


def spelled(found: Found) -> str:
    """The texts of a finding, whole."""
    lines = [f"{found['code']} {found['severity']} {found['subject']}: {found['saw']}"]
    lines += [f"  means  {found['means']}", f"  do     {found['do']}"]
    lines += [f"         $ {command}" for command in found["commands"]]
    return "\n".join([*lines, f"  proof  {found['proof']}", ""])


def heal(cloud: Cloud, found: Found) -> None:
    """Run its commands in the guest, as an operator would copy them."""
    for command in found["commands"]:
        words = shlex.split(command)
        if words[0] == "eip-agent":
            done = cloud.agent(*words[1:])
            assert done.returncode in (0, 3, 4), f"{command}: {done.stderr}"
        else:
            cloud.guest.run(cloud.on_disk("sh", "-ec", command), env={"PATH": path_of(cloud)})


def path_of(cloud: Cloud) -> str:
    """Where the guest finds programs."""
    return f"{Path(sys.executable).parent}:{cloud.agent_environment['PATH']}"


def gone(cloud: Cloud, code: str, *options: str) -> None:
    """It is found no more."""
    assert code not in codes(cloud, *options)
