# SPDX-License-Identifier: BSD-3-Clause
"""The Python package on real sockets."""
