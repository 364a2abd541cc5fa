# SPDX-License-Identifier: BSD-3-Clause
"""Each test with each peer and in both roles; and the table of what works with whom."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import cast

import pytest

from .catalogue import PEERS
from .peer import Pair, Peer
from .table import Table

TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", action="store_true", help="writes what works with whom into docs/interop.md")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(feature): not run with a peer that lacks it, see catalogue.py")
    config.addinivalue_line("markers", "row(text): what docs/interop.md calls this test")
    config.addinivalue_line("markers", "in_full: with the peers that can do all that a test asks")
    config.stash[TABLE] = Table()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        needed = metafunc.definition.get_closest_marker("needs")
        row = metafunc.definition.get_closest_marker("row")
        assert row is not None, "each test has a row in the table"
        cases = [(name, offerer) for name in PEERS for offerer in ("polyrtc", name)]
        feature = needed.args[0] if needed is not None else ""
        for name, offerer in list(cases):
            lacks = PEERS[name].lacks
            reason = lacks.get(feature) or (offerer == name and lacks.get(f"{feature}, offering"))
            if reason:
                cases.remove((name, offerer))
                metafunc.config.stash[TABLE].lacks(row.args[0], name, reason)
        ids = [f"{name}-{'answers' if offerer == 'polyrtc' else 'offers'}" for name, offerer in cases]
        metafunc.parametrize("pair", cases, ids=ids, indirect=True)


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    name, offerer = request.param
    with Pair(Peer("polyrtc"), Peer(name), offerer == "polyrtc") as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    row = item.get_closest_marker("row")
    if row is not None and isinstance(item, pytest.Function) and (report.when == "call" or report.failed):
        parameters = cast(tuple[str, str], item.callspec.params["pair"])
        item.config.stash[TABLE].result(row.args[0], parameters[0], report.passed)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("write_table"):
        session.config.stash[TABLE].write()
