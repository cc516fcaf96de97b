"""Other managers of links are told where they work against us, and not where they do not."""

from dataclasses import replace

from eip_agent.core.findings.managers import clients, pods, rewriters, rivals
from eip_agent.core.host import Manager
from eip_agent.core.neighbours import ManagedLink
from eip_agent.core.settings import Settings
from tests.builders import eni, ip4, net4, port
from tests.core.findings.managed import ETH1, MANAGED, NETWORKD, NM, PRIMARY, PROFILE, VISIBLE, codes, scene, story


def client(pid: int, name: str = "dhclient", link: str | None = "eth1", version: int | None = None) -> Manager:
    return Manager(name, pid, link, version=version)


def test_two_clients_of_one_link_are_told_and_the_later_one_is_to_go() -> None:
    (found,) = clients(scene(client(7), client(8)))

    assert found.commands == ("kill 8",)
    assert "dhclient (pid 7), dhclient (pid 8)" in found.saw
    assert codes(clients(scene(client(7), client(8, "udhcpc")))) == ["EIP204"]
    assert codes(clients(scene(client(7, version=6), client(8, "dhcpcd")))) == ["EIP204"]


def test_what_is_one_client_is_not_two() -> None:
    assert not codes(clients(scene(client(7), client(8, link="eth0"))))
    assert not codes(clients(scene(client(7), client(8, link=None))))
    assert not codes(clients(scene(client(7), client(8, version=6))))
    assert not codes(clients(scene(client(7, "dhcpcd"), client(8, "dhcpcd"))))
    assert not codes(clients(scene(client(7), replace(client(8), certain=False))))


def test_a_client_beside_a_network_manager_is_to_go() -> None:
    leased = (ManagedLink(ETH1, managed=True, asks=True),)

    (found,) = clients(scene(client(7), NETWORKD, networkd=leased))
    assert found.commands == ("kill 7",)
    (found,) = clients(scene(client(7), NM, network_manager=PROFILE))
    assert found.commands == ("kill 7",)
    (found,) = clients(scene(NETWORKD, NM, networkd=leased, network_manager=PROFILE))
    assert found.commands == ("nmcli device set eth1 managed no",)
    assert not codes(clients(scene(client(7), networkd=leased, network_manager=PROFILE)))
    assert not codes(clients(scene(client(7), NETWORKD, networkd=MANAGED)))
    assert not codes(clients(scene(client(7, version=6), NETWORKD, networkd=leased)))


def test_cloud_init_is_told_where_it_configures_other_links_when_one_is_attached() -> None:
    assert codes(rewriters(scene(hotplug=True, repairs=False))) == ["EIP211"]
    assert not codes(rewriters(scene(hotplug=False, repairs=False)))
    assert not codes(rewriters(scene(repairs=False)))
    assert not codes(rewriters(scene(hotplug=True, repairs=True)))
    assert not codes(rewriters(scene(hotplug=True, repairs=False, stories=(PRIMARY,))))


def test_nm_cloud_setup_is_worse_in_eip_visible_mode() -> None:
    assert codes(rewriters(scene(NM, nm_cloud_setup=True))) == ["EIP213"]
    assert codes(rewriters(scene(NM, nm_cloud_setup=True, stories=(PRIMARY, VISIBLE)))) == ["EIP212", "EIP213"]
    assert not codes(rewriters(scene(NM, nm_cloud_setup=False)))
    assert not codes(rewriters(scene(nm_cloud_setup=True)))


def test_multi_nic_util_is_told() -> None:
    assert codes(rewriters(scene(multi_nic_util=True))) == ["EIP221"]
    assert not codes(rewriters(scene(multi_nic_util=False)))


def test_terway_is_told_where_an_eni_has_addresses_for_pods() -> None:
    given = (ip4("192.168.1.10"), ip4("192.168.1.11"))
    shared = story(port(1, eni=eni(1, private_ipv4s=given)))

    (found,) = pods(scene(terway=("10-terway.conf",), stories=(PRIMARY, shared)))
    assert 'enis = ["eni-1"]' in found.do
    assert not codes(pods(scene(terway=(), stories=(PRIMARY, shared))))
    assert not codes(pods(scene(terway=("10-terway.conf",))))
    assert not codes(pods(scene(terway=("10-terway.conf",), stories=(replace(shared, excluded=True),))))


def test_an_address_of_keepalived_is_told_where_the_metadata_service_lists_it() -> None:
    keepalived = Manager("keepalived", 5)
    listed, other = ip4("192.168.1.10"), ip4("192.168.1.77")

    assert codes(rivals(scene(keepalived, keepalived=(listed, other)))) == ["EIP231"]
    assert not codes(rivals(scene(keepalived, keepalived=(other,))))
    assert not codes(rivals(scene(keepalived=(listed,))))
    excluded = Settings(exclude_addresses=(net4("192.168.1.10/32"),))
    assert not codes(rivals(scene(keepalived, keepalived=(listed,), settings=excluded)))


def test_nothing_is_found_where_nothing_was_read() -> None:
    bare = replace(scene(), surroundings=None, host=None)

    assert not [one for finder in (clients, rewriters, pods, rivals) for one in finder(bare)]
