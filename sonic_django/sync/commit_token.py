"""The outcome of a transaction: open, committed, or neither."""

from __future__ import annotations

from typing import Any

from django.db import connections


class Token:
    """Belongs to a hook (as its ``token``) that runs when its transaction commits, and that
    Django drops when it is rolled back."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.committed = False
        #: That of the thread which writes.
        self.connection: Any = connections[using]


def open_tokens(connection: Any) -> set[int]:
    """The identities of the tokens whose transactions (or savepoints) have not ended."""
    return {id(getattr(hook[1], "token", None)) for hook in connection.run_on_commit}
