"""Network managers that sweep links are told, with the files that make peace on each of them."""

from dataclasses import replace

from eip_agent.core.findings.sweepers import sweepers
from eip_agent.core.neighbours import ManagedLink
from eip_agent.core.settings import Settings
from tests.builders import mac
from tests.core.findings.managed import ETH0, ETH1, MANAGED, NETWORKD, NM, PRIMARY, PROFILE, SECONDARY, codes, scene

BOTH = (ManagedLink(ETH0, managed=True), *MANAGED)


def test_a_manager_that_sweeps_is_told_where_it_runs_and_manages_a_link_and_no_daemon_repairs_it() -> None:
    assert codes(sweepers(scene(NETWORKD, networkd=MANAGED, repairs=False))) == ["EIP202"]
    assert codes(sweepers(scene(NM, network_manager=PROFILE, repairs=False))) == ["EIP203"]
    assert not codes(sweepers(scene(NETWORKD, networkd=MANAGED, repairs=True)))
    assert not codes(sweepers(scene(NETWORKD, networkd=MANAGED)))
    assert not codes(sweepers(scene(networkd=MANAGED, network_manager=PROFILE, repairs=False)))
    assert not codes(sweepers(scene(replace(NETWORKD, certain=False), networkd=MANAGED, repairs=False)))
    assert not codes(sweepers(scene(NETWORKD, networkd=(ManagedLink(ETH1, managed=False),), repairs=False)))
    nothing_written = (PRIMARY, replace(SECONDARY, exits=()))
    assert not codes(sweepers(scene(NETWORKD, networkd=MANAGED, repairs=False, stories=nothing_written)))
    excluded = (PRIMARY, replace(SECONDARY, excluded=True))
    assert not codes(sweepers(scene(NETWORKD, networkd=MANAGED, repairs=False, stories=excluded)))
    primary = (ManagedLink(ETH0, managed=True),)
    left = Settings(leave_primary=True)
    assert not codes(sweepers(scene(NETWORKD, networkd=primary, repairs=False, settings=left)))


def test_systemd_networkd_is_to_leave_each_secondary_link_alone_by_a_file_of_its_own() -> None:
    (found,) = sweepers(scene(NETWORKD, networkd=BOTH, repairs=False))

    unmanaged = rf"'[Match]\nMACAddress={mac(1)}\n\n[Link]\nUnmanaged=yes\n'"
    assert found.subject == "eth0, eth1"
    assert found.commands == (
        f"printf {unmanaged} > /etc/systemd/network/05-eip-agent-eni-1.network",
        "networkctl reload",
        "eip-agent install --no-daemon",
        "systemctl restart systemd-networkd",
        "eip-agent apply",
    )
    (found,) = sweepers(scene(NETWORKD, networkd=BOTH, repairs=False, spares_rules=True, spares_routes=True))
    assert not [command for command in found.commands if "restart" in command], "it leaves those of others alone"


def test_an_eni_whose_id_nobody_told_has_a_file_all_the_same() -> None:
    nameless = replace(SECONDARY, eni=replace(SECONDARY.eni, eni_id=None))
    (found,) = sweepers(scene(NETWORKD, networkd=BOTH, repairs=False, stories=(PRIMARY, nameless)))

    assert found.commands[0].endswith(f"/05-eip-agent-{mac(1).replace(':', '-')}.network")


def test_network_manager_is_to_by_the_address_that_it_can_match() -> None:
    (found,) = sweepers(scene(NM, network_manager=PROFILE, repairs=False))
    unmanaged = rf"'[keyfile]\nunmanaged-devices+=mac:{mac(1)}\n'"
    assert found.commands == (
        f"printf {unmanaged} > /etc/NetworkManager/conf.d/90-eip-agent-eni-1.conf",
        "nmcli general reload conf",
        "eip-agent install --no-daemon",
        "eip-agent apply",
    )
    fake = (replace(PROFILE[0], by_mac=False),)
    (found,) = sweepers(scene(NM, network_manager=fake, repairs=False))

    assert "unmanaged-devices+=interface-name:eth1\\n" in found.commands[0]


def test_on_the_primary_link_only_the_daemon_helps() -> None:
    primary = (ManagedLink(ETH0, managed=True),)

    (found,) = sweepers(scene(NETWORKD, networkd=primary, repairs=False))
    assert found.commands == ("eip-agent install",)
    (found,) = sweepers(scene(NM, network_manager=primary, repairs=False))
    assert found.commands == ("eip-agent install",)


def test_what_its_settings_spare_is_told() -> None:
    (found,) = sweepers(scene(NETWORKD, networkd=MANAGED, repairs=False, spares_rules=True, spares_routes=False))
    assert "`ManageForeignRoutingPolicyRules=no`" in found.saw
    assert "`ManageForeignRoutes=yes`" in found.saw
    (found,) = sweepers(scene(NETWORKD, networkd=MANAGED, repairs=False, spares_rules=False, spares_routes=True))
    assert "`ManageForeignRoutingPolicyRules=yes`" in found.saw
    assert "`ManageForeignRoutes=no`" in found.saw
    (found,) = sweepers(scene(NETWORKD, networkd=MANAGED, repairs=False))

    assert found.saw.count("could not be read") == 2
