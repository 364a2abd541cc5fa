# SPDX-License-Identifier: BSD-3-Clause
"""One behaviour in every language: scenarios that are written once, run across every pair of languages. See README.md."""
