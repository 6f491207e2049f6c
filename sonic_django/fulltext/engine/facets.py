# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Counting the matches by their values: while they are matched, over all of them."""

from __future__ import annotations

import datetime
from bisect import bisect_right
from collections import Counter
from typing import Any

import xapian

from .columns import Column
from .values import decode, decode_list, encode

Spies = list[tuple[Column, Any]]


def watch(enquire: Any, columns: list[Column]) -> Spies:
    """Count the values of these columns while ``enquire`` matches.

    The caller keeps a reference to the result until the matching is done: Xapian keeps none.
    """
    spies = [(column, xapian.ValueCountMatchSpy(column.slot)) for column in columns]
    for _, spy in spies:
        enquire.add_matchspy(spy)
    return spies


def value_counts(spies: Spies) -> list[tuple[Any, int]]:
    """(value, matches) pairs, the commonest first. Costs a step for each distinct value."""
    counts: Counter[Any] = Counter()
    for column, spy in spies:
        for item in spy.values():
            if column.many:
                for value in set(decode_list(item.term)):
                    counts[value] += item.termfreq
            else:
                counts[decode(column.kind, item.term)] += item.termfreq
    return sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))


def date_counts(spies: Spies, options: dict[str, Any]) -> list[tuple[datetime.datetime, int]]:
    """(beginning, matches) pairs of the steps from ``start_date`` to before ``end_date``.

    The last beginning is first, as xapian-haystack gives them; a match on a beginning belongs to
    the step that it begins.
    """
    end = options["end_date"]
    beginnings = []
    number = 0
    amount = options.get("gap_amount", 1)
    moment = options["start_date"]
    while moment < end:
        beginnings.append(moment)
        number += 1
        moment = later(options["start_date"], options["gap_by"], amount * number)
    counts = [0] * len(beginnings)
    for column, spy in spies:
        edges = [encode(column.kind, beginning) for beginning in beginnings]
        limit = encode(column.kind, end)
        for item in spy.values():
            step = bisect_right(edges, item.term) - 1
            if step >= 0 and item.term < limit:
                counts[step] += item.termfreq
    return list(zip(beginnings, counts, strict=True))[::-1]


def later(start: Any, unit: str, amount: int) -> Any:
    """``start`` plus whole units; where the month is too short, its last day."""
    if unit not in ("year", "month"):
        return start + datetime.timedelta(**{f"{unit}s": amount})
    months = amount * 12 if unit == "year" else amount
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    for day in range(start.day, 27, -1):
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return start.replace(year=year, month=month + 1)
