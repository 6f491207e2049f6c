"""Making the table of a model, as ``migrate`` would, for projects without migrations."""

from __future__ import annotations

from django.db import connections, models

from .checkpoints import Checkpoint
from .tombstones import Tombstone
from .uniques import UniqueValue

#: The models whose tables all classes of a database share.
SHARED: tuple[type[models.Model], ...] = (UniqueValue, Tombstone, Checkpoint)


def create_table_sql(model: type[models.Model], using: str) -> str:
    """The statements that make the model's table. Nothing is run."""
    editor = connections[using].schema_editor(collect_sql=True, atomic=False)
    # Not entered: SQLite refuses that within a transaction, even to collect statements only.
    editor.deferred_sql = []
    editor.create_model(model)
    deferred = [f"{statement};" for statement in editor.deferred_sql]
    return "\n".join([*editor.collected_sql, *deferred])


def create_table(model: type[models.Model], using: str) -> bool:
    """Make the model's table if it is missing; whether it was."""
    connection = connections[using]
    if model._meta.db_table in connection.introspection.table_names():
        return False
    with connection.schema_editor() as editor:
        editor.create_model(model)
    return True


def create_shared_tables(using: str) -> list[str]:
    """Make the tables of the uniques, the tombstones and the checkpoints; the names of those that
    were missing."""
    return [model._meta.db_table for model in SHARED if create_table(model, using)]
