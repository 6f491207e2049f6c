"""Making the table of a model, as ``migrate`` would, for projects without migrations."""

from __future__ import annotations

from django.db import connections, models

from .uniques import UniqueValue


def create_table_sql(model: type[models.Model], using: str) -> str:
    """The statements that make the model's table. Nothing is run."""
    with connections[using].schema_editor(collect_sql=True, atomic=False) as editor:
        editor.create_model(model)
        editor.deferred_sql, deferred = [], editor.deferred_sql
        statements = [*editor.collected_sql, *(f"{statement};" for statement in deferred)]
    return "\n".join(statements)


def create_table(model: type[models.Model], using: str) -> bool:
    """Make the model's table if it is missing; whether it was."""
    connection = connections[using]
    if model._meta.db_table in connection.introspection.table_names():
        return False
    with connection.schema_editor() as editor:
        editor.create_model(model)
    return True


def create_unique_table(using: str) -> bool:
    """Make the shared table of the uniques if it is missing; whether it was."""
    return create_table(UniqueValue, using)
