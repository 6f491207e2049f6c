"""Signals beside Django's own: what happened to the index after a commit."""

from django.dispatch import Signal

#: Sent after Redis accepted the entries of committed objects.
#: Arguments: ``sender`` (the model class), ``ids`` (list of int), ``using`` (database alias).
post_index = Signal()

#: Sent when a commit succeeded and Redis did not take the entries: the rows keep their dirty mark.
#: Arguments: ``sender``, ``ids``, ``using``, ``exception``.
index_failed = Signal()
