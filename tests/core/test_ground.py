"""Names of things, and what is known of them."""

from eip_agent.core.ground import Ground, name_of, stranger
from eip_agent.core.walk import Flow, LookupFact
from tests.builders import ip4, link
from tests.core.following import ETH0, ETH1, OWN, WEB, Instance


def ground() -> Ground:
    return Instance().ground()


def test_links_have_names_and_indexes() -> None:
    assert ground().name(ETH1) == "eth1"
    assert ground().name(77) == "if77"
    assert ground().index("eth0") == ETH0
    assert ground().index(None) is None


def test_addresses_have_a_home() -> None:
    home = ground().home(OWN)

    assert home is not None
    assert name_of(home) == "eni-1"
    assert ground().home(ip4("192.0.2.1")) is None
    assert ground().held(OWN) is not None
    assert ground().held(ip4("192.168.1.11")) is None


def test_a_walk_has_links() -> None:
    assert ground().names(ground().walk(Flow(WEB, OWN))) == ("eth1",)
    assert ground().names(None) == ()


def test_what_is_no_eni_is_said_by_its_kind() -> None:
    assert "a bridge" in stranger(link(1, kind="bridge"))
    assert "not known" in stranger(None)


def test_where_tables_were_read_they_count() -> None:
    """Without them the local table is known from the addresses, with them as it is."""
    instance = Instance()
    without = Ground(instance.scene, ground().ends, lambda _: LookupFact(), ())

    assert ground().names(ground().walk(Flow(OWN))) == ("eth1",)
    assert without.names(without.walk(Flow(OWN))) == ("eth0",)
