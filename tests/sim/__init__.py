# SPDX-License-Identifier: BSD-3-Clause
"""The simulator: a seeded network in virtual time around polyrtc's endpoints. README.md says how to use it."""

from .host import Habits, Host
from .invariants import InvariantError
from .network import MILLISECOND, SECOND, Conditions, Network, Packet, Segment
from .nodes import Dependence, Nat, StunServer
from .peer import SimChannel, SimPeer
from .simulation import Simulation
from .turn_server import TurnNode

__all__ = [
    "MILLISECOND",
    "SECOND",
    "Conditions",
    "Dependence",
    "Habits",
    "Host",
    "InvariantError",
    "Nat",
    "Network",
    "Packet",
    "Segment",
    "SimChannel",
    "SimPeer",
    "Simulation",
    "StunServer",
    "TurnNode",
]
