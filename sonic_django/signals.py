"""Signals about the index: whether Redis took the entries of a commit."""

from django.dispatch import Signal

#: Sent after Redis accepted the entries of committed objects.
#: Arguments: ``sender`` (the model class), ``ids`` (list of int), ``using`` (database alias).
post_index = Signal()

#: Sent when a commit succeeded but Redis did not take the entries. The rows keep their dirty mark,
#: and the sweep applies them later.
#: Arguments: ``sender``, ``ids``, ``using``, ``exception``.
index_failed = Signal()
