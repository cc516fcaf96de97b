"""Each silence of the metadata service is another finding."""

import pytest

from eip_agent.core.facts import Unread
from eip_agent.core.findings.metadata import silent
from eip_agent.core.silence import Silence
from tests.builders import cloud
from tests.core.findings.support import codes, scene_of, silent_scene


@pytest.mark.parametrize(
    ("silence", "code"),
    [
        (Silence.REFUSED, "EIP322"),
        (Silence.TOKEN, "EIP323"),
        (Silence.THROTTLED, "EIP324"),
        (Silence.UNREACHABLE, "EIP325"),
        (Silence.ODD, "EIP326"),
    ],
)
def test_each_silence_is_another_finding(silence: Silence, code: str) -> None:
    unread = Unread("metadata service", "GET: no", silence)
    (unknown,), (before,) = list(silent(silent_scene(unread))), list(silent(silent_scene(unread, cloud())))

    assert codes([unknown, before]) == [code, code]
    assert "nothing is known of the ENIs" in unknown.means
    assert "what it last said is used" in before.means


def test_what_was_left_out_of_an_answer_is_no_silence() -> None:
    assert codes(silent(silent_scene(Unread("macs/00:16:3e:00:00:01/gateway", "absent")))) == []
    assert codes(silent(silent_scene(Unread("journal", "no", Silence.ODD)))) == []
    assert codes(silent(scene_of())) == []
