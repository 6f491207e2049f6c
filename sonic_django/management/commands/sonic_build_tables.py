"""``sonic_build_tables``: make the tables that are missing, for projects without migrations."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections, router

from ...schema.registry import named_models
from ...sync.tables import start_empty_index
from ...table import ddl


class Command(BaseCommand):
    help = "Make the tables of SonicObj classes that are missing; existing ones are left alone."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("labels", nargs="*", metavar="app[.Model]", help="Default: all.")
        parser.add_argument("--database", default=None, help="Default: where the router puts each.")
        parser.add_argument("--sql", action="store_true", help="Print the statements, run nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        made = left = 0
        shared: set[str] = set()
        for model in named_models(options["labels"]):
            using = options["database"] or router.db_for_write(model)
            if not router.allow_migrate_model(using, model):
                continue
            if using not in shared:
                shared.add(using)
                made += sum(self._make(table, using, options["sql"]) for table in ddl.SHARED)
            if self._make(model, using, options["sql"]):
                made += 1
                if not options["sql"]:
                    start_empty_index(model._sonic.at(using))
            else:
                left += 1
        if not options["sql"]:
            self.stdout.write(f"{made} table(s) made, {left} already there.")

    def _make(self, model: Any, using: str, only_sql: bool) -> bool:
        table = model._meta.db_table
        if only_sql:
            if table not in connections[using].introspection.table_names():
                self.stdout.write(ddl.create_table_sql(model, using))
                return True
            return False
        created = ddl.create_table(model, using)
        if created:
            self.stdout.write(f"Made {table} in {using}.")
        return created
