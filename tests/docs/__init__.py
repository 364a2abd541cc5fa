# SPDX-License-Identifier: BSD-3-Clause
"""What the documents show is run."""
