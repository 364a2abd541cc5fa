# SPDX-License-Identifier: BSD-3-Clause
"""A package, so that tests can import the simulator as tests.sim."""
