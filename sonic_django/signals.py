"""Signals about the index: whether Redis took the entries of a commit."""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from .interruptions import is_interruption

#: Sent after Redis accepted the entries of committed objects.
#: Arguments: ``sender`` (the model class), ``ids`` (list of int), ``using`` (database alias).
post_index = Signal()

#: Sent when a commit succeeded but its entries are not in Redis: Redis did not take them, or a row
#: has values that no entry can be made of (``exception`` is then an ``UnindexableRow``). The rows
#: keep their dirty mark, and the sweep applies them later.
#: Arguments: ``sender``, ``ids``, ``using``, ``exception``.
index_failed = Signal()


def send_after_commit(signal: Signal, sender: Any, **named: Any) -> None:
    """Send a signal whose receivers cannot fail the commit that it follows.

    An error of a receiver is logged with its traceback (logger ``django.dispatch``), and the other
    receivers are called. An interruption is raised once all were called.
    """
    for _, result in signal.send_robust(sender, **named):
        if isinstance(result, Exception) and is_interruption(result):
            raise result
