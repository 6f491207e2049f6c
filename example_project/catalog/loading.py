"""Packages into the catalog: batches of values in, new, changed and unchanged objects out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from example_project.catalog.models import Maintainer, Package
from example_project.catalog.stanza_values import PackageKey, PackageValues


@dataclass(slots=True)
class Tally:
    """The number of objects that a load has processed so far."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    new_maintainers: int = 0

    @property
    def packages(self) -> int:
        return self.new + self.changed + self.unchanged


class Loader:
    """Stores batches of packages, each batch in one transaction.

    A batch costs one lookup and one bulk insert per model, plus one save for each package that
    is there and differs; one that does not differ is not written.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        # The maintainers met so far: thousands for a whole distribution, not one query each.
        self._maintainer_ids: dict[str, int] = {}
        self._field_names = {
            field.db_column: field.name for field in Package._meta.private_fields if field.db_column
        }

    def store(self, batch: Sequence[PackageValues]) -> None:
        """Create or update the packages of `batch`, whose keys differ from each other."""
        with transaction.atomic():
            self._learn_maintainers(batch)
            stored = _stored_packages(batch)
            new = []
            for values in batch:
                package = stored.get(values.key)
                if package is None:
                    new.append(self._fill(Package(**values.key._asdict()), values))
                elif self._differs(package, values) and self._fill(package, values).save():
                    self.tally.changed += 1
                else:
                    self.tally.unchanged += 1
            Package.objects.bulk_create(new)
            self.tally.new += len(new)

    def _learn_maintainers(self, batch: Sequence[PackageValues]) -> None:
        """Fetch or make those of `batch` not met before; a known address keeps its name."""
        names: dict[str, str] = {}
        for values in batch:
            if values.maintainer and values.maintainer[1] not in self._maintainer_ids:
                names.setdefault(values.maintainer[1], values.maintainer[0])
        if not names:
            return
        for maintainer in Maintainer.objects.filter(email__in=list(names)):
            self._maintainer_ids[maintainer.email] = maintainer.pk
        new = [
            Maintainer(name=name, email=email)
            for email, name in names.items()
            if email not in self._maintainer_ids
        ]
        for maintainer in Maintainer.objects.bulk_create(new):
            self._maintainer_ids[maintainer.email] = maintainer.pk
        self.tally.new_maintainers += len(new)

    def _fill(self, package: Package, values: PackageValues) -> Package:
        fields, extra = self._fields_and_extra(values)
        for name, value in fields.items():
            setattr(package, name, value)
        package.extra.clear()
        package.extra.update(extra)
        return package

    def _differs(self, package: Package, values: PackageValues) -> bool:
        fields, extra = self._fields_and_extra(values)
        return package.extra != extra or any(
            getattr(package, name) != value for name, value in fields.items()
        )

    def _fields_and_extra(self, values: PackageValues) -> tuple[dict[str, Any], dict[str, str]]:
        """The values to set as attributes, and those to keep as extra keys.

        An extra key that has been given a field since (`str_field(db_column="Source")`) is that
        field's value, here as in the objects stored before.
        """
        maintainer = values.maintainer
        fields = dict(values.fields)
        fields["maintainer_id"] = self._maintainer_ids[maintainer[1]] if maintainer else None
        extra = dict(values.extra)
        for key in extra.keys() & self._field_names.keys():
            fields[self._field_names[key]] = extra.pop(key)
        return fields, extra


def _stored_packages(batch: Sequence[PackageValues]) -> dict[PackageKey, Package]:
    """Those packages of `batch` that the catalog has, by key; one query for the batch.

    By name alone: it is nearly unique, and this function sorts out the other packages of the name.
    """
    names = list({values.key.name for values in batch})
    return {
        PackageKey(package.archive, package.name, package.version, package.architecture): package
        for package in Package.objects.filter(name__in=names)
    }
