# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""How matches are weighed: a query run with the engine's weights."""

from __future__ import annotations

from typing import Any

import xapian
from django.conf import settings

from .documents import WEIGHT_SCALE

# BM25's k1, k2, k3, b and minimal normal length. b is less than Xapian's 0.5: in records of a
# title and a body it would let a short body outrank a title beside a long body.
WEIGHTING = (1.0, 0.0, 1.0, 0.25, 0.5)


def enquire(database: Any, query: Any) -> Any:
    """The query on the database, weighed by BM25 (HAYSTACK_XAPIAN_WEIGHTING_SCHEME)."""
    k1, *others = getattr(settings, "HAYSTACK_XAPIAN_WEIGHTING_SCHEME", WEIGHTING)
    run = xapian.Enquire(database)
    # Words count WEIGHT_SCALE times; with k1 raised as much, the scores keep their ratios.
    run.set_weighting_scheme(xapian.BM25Weight(k1 * WEIGHT_SCALE, *others))
    run.set_query(query)
    return run
