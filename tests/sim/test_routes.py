# SPDX-License-Identifier: BSD-3-Clause
"""Every combination of sites and servers, and the route that must be found (see routes.py)."""

from __future__ import annotations

import pytest

from tests.sim import Simulation
from tests.sim.routes import DOCUMENT, SERVERS, SITES, ended, meet, replaced, route

#: The offerer's site at the left, the answerer's at the top; both roles, as each combination stands twice.
TABLES = {
    # Who has no public address can be reached when it has begun by itself, since it knows the other's: a public one.
    "no server": """
                     | public      full cone   restricted  port-rest.  symmetric   carrier     carrier, s. dual stack  IPv6 only   no UDP
public             | host-host   host-prflx  host-prflx  host-prflx  host-prflx  host-prflx  host-prflx  host-prflx  none        none
full cone          | prflx-host  none        none        none        none        none        none        none        none        none
restricted         | prflx-host  none        none        none        none        none        none        none        none        none
port-restricted    | prflx-host  none        none        none        none        none        none        none        none        none
symmetric          | prflx-host  none        none        none        none        none        none        none        none        none
carrier            | prflx-host  none        none        none        none        none        none        none        none        none
carrier, symmetric | prflx-host  none        none        none        none        none        none        none        none        none
dual stack         | prflx-host  none        none        none        none        none        none        host-host   host-host   none
IPv6 only          | none        none        none        none        none        none        none        host-host   host-host   none
UDP blocked        | none        none        none        none        none        none        none        none        none        none
""",
    # A symmetric NAT has another port for the peer than for the server: only a filter that ignores ports lets that in.
    "STUN": """
                     | public      full cone   restricted  port-rest.  symmetric   carrier     carrier, s. dual stack  IPv6 only   no UDP
public             | host-host   host-srflx  host-srflx  host-srflx  host-prflx  host-srflx  host-prflx  host-srflx  none        none
full cone          | srflx-host  srflx-srflx srflx-srflx srflx-srflx srflx-prflx srflx-srflx srflx-prflx srflx-srflx none        none
restricted         | srflx-host  srflx-srflx srflx-srflx srflx-srflx srflx-prflx srflx-srflx srflx-prflx srflx-srflx none        none
port-restricted    | srflx-host  srflx-srflx srflx-srflx srflx-srflx none        srflx-srflx none        srflx-srflx none        none
symmetric          | prflx-host  prflx-srflx prflx-srflx none        none        none        none        none        none        none
carrier            | srflx-host  srflx-srflx srflx-srflx srflx-srflx none        srflx-srflx none        srflx-srflx none        none
carrier, symmetric | prflx-host  prflx-srflx prflx-srflx none        none        none        none        none        none        none
dual stack         | srflx-host  srflx-srflx srflx-srflx srflx-srflx none        srflx-srflx none        host-host   host-host   none
IPv6 only          | none        none        none        none        none        none        none        host-host   host-host   none
UDP blocked        | none        none        none        none        none        none        none        none        none        none
""",
    # A relay is what is left, and it is the last that is taken. It also joins those who have IPv4 and IPv6 alone.
    "STUN and TURN": """
                     | public      full cone   restricted  port-rest.  symmetric   carrier     carrier, s. dual stack  IPv6 only   no UDP
public             | host-host   host-srflx  host-srflx  host-srflx  host-prflx  host-srflx  host-prflx  host-srflx  relay-host  relay-relay
full cone          | srflx-host  srflx-srflx srflx-srflx srflx-srflx srflx-prflx srflx-srflx srflx-prflx srflx-srflx relay-host  relay-relay
restricted         | srflx-host  srflx-srflx srflx-srflx srflx-srflx relay-relay srflx-srflx relay-relay srflx-srflx relay-host  relay-relay
port-restricted    | srflx-host  srflx-srflx srflx-srflx srflx-srflx relay-relay srflx-srflx relay-relay srflx-srflx relay-host  relay-relay
symmetric          | prflx-host  prflx-srflx prflx-srflx relay-relay relay-relay relay-relay relay-relay relay-host  relay-host  relay-relay
carrier            | srflx-host  srflx-srflx srflx-srflx srflx-srflx relay-relay srflx-srflx relay-relay srflx-srflx srflx-relay srflx-relay
carrier, symmetric | prflx-host  prflx-srflx prflx-srflx relay-relay relay-relay relay-relay relay-relay relay-relay prflx-relay prflx-relay
dual stack         | srflx-host  srflx-srflx srflx-srflx srflx-srflx host-relay  srflx-srflx host-relay  host-host   host-host   host-relay
IPv6 only          | host-relay  host-relay  host-relay  host-relay  host-relay  host-relay  host-relay  host-host   host-host   host-relay
UDP blocked        | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-host  relay-host  relay-relay
""",
    # Nothing else is tried; the two relayed addresses speak to each other.
    "TURN, relay policy": """
                     | public      full cone   restricted  port-rest.  symmetric   carrier     carrier, s. dual stack  IPv6 only   no UDP
public             | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
full cone          | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
restricted         | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
port-restricted    | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
symmetric          | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
carrier            | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
carrier, symmetric | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
dual stack         | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
IPv6 only          | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
UDP blocked        | relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay relay-relay
""",
}


def cells() -> list[tuple[str, str, str, str]]:
    """Servers, offerer's site, answerer's site, expected route."""
    found = []
    for servers, table in TABLES.items():
        for line in table.strip().splitlines()[1:]:
            offerer, routes = line.split("|")
            assert len(routes.split()) == len(SITES)
            found += [(servers, offerer.strip(), answerer, expected)
                      for answerer, expected in zip(SITES, routes.split(), strict=True)]
    return found


def test_the_tables_are_whole() -> None:
    assert {(servers, a, b) for servers, a, b, _ in cells()} == {
        (servers, a, b) for servers in SERVERS for a in SITES for b in SITES
    }


def test_the_document_is_up_to_date() -> None:
    """docs/connectivity.md, by the tables above, which the tests below compare with what happens."""
    document = DOCUMENT.read_text()
    found = {(servers, a, b): way for servers, a, b, way in cells()}
    assert document == replaced(document, found), "python -m tests.sim.routes writes it anew"


@pytest.mark.parametrize(("servers", "offerer", "answerer", "expected"), cells(), ids=str)
def test_route(sim: Simulation, servers: str, offerer: str, answerer: str, expected: str) -> None:
    a, b = meet(sim, offerer, answerer, SERVERS[servers])
    sim.until(lambda: ended(a, b), 120)
    assert route(a, b) == expected
    if expected == "none":
        assert a.failures and b.failures
        return
    channel, other = sim.open(a, b)
    channel.send("through")
    other.send("and back")
    sim.until(lambda: (channel.received, other.received) == (["and back"], ["through"]))
