"""The declarations of a class body, read once: fields, indexes, uniques and full text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import FieldError, ObjectDoesNotExist
from django.db.models.constants import LOOKUP_SEP

from ..fields.base import VirtualField
from ..fields.derived import Folded, Indexed, folded, has_case
from ..fields.names import FOLDED, NEAR
from ..index.specs import IndexSpec
from .computed import Computed
from .index import Index, name_of


@dataclass(frozen=True)
class Problem:
    """A mistake in a declaration, reported by the system checks and at first use."""

    id: str
    message: str
    hint: str


@dataclass(frozen=True)
class UniqueConstraint:
    """Fields whose values together belong to one object at most."""

    name: str
    fields: tuple[str, ...]


class _Mistake(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Declarations:
    """The declarations of one concrete class. Mistakes are kept in ``problems``."""

    def __init__(self, model: Any) -> None:
        self.model = model
        #: "blog.Blog", for people; the lower one is in keys of Redis and of sonic_unique.
        self.label: str = model._meta.label
        self.label_lower: str = model._meta.label_lower
        #: "Blog".
        self.name: str = model.__name__
        self.problems: list[Problem] = []
        self.fields: dict[str, VirtualField] = {
            field.name: field
            # In the order of the declarations, those of abstract bases first.
            for field in sorted(model._meta.private_fields)
            if isinstance(field, VirtualField)
        }
        self.by_key = {field.key: field for field in self.fields.values()}
        self.attnames = {field.attname: field for field in self.fields.values()}
        self.indexes: dict[str, IndexSpec] = {}
        #: Indexed values that are no fields (paths, computed values, folded texts), by name.
        self.derived: dict[str, Indexed] = {}
        self._read_indexes(self._declared("indexes"))
        self.uniques: list[UniqueConstraint] = []
        self._read_uniques(self._declared("uniques"))
        #: Full text: field name -> weight; "groups" are filtered on, not searched.
        self.text_weights: dict[str, int | float] = {}
        self.text_groups: list[str] = []
        self._read_fulltext(self._declared("fulltext_indexes"))
        self.text_fields = frozenset([*self.text_weights, *self.text_groups])

    @property
    def DoesNotExist(self) -> type[ObjectDoesNotExist]:
        """The class's own exception."""
        exception: type[ObjectDoesNotExist] = self.model.DoesNotExist
        return exception

    def field(self, name: str) -> VirtualField:
        """The field of this name or attribute name. FieldError lists the known ones."""
        try:
            return self.fields.get(name) or self.attnames[name]
        except KeyError:
            known = ", ".join(["id", *self.fields])
            raise FieldError(
                f"{self.label} has no field {name!r}. Its fields are {known}."
            ) from None

    def indexed(self, name: str) -> Indexed:
        """The indexed value of this name: a field, a path into one, a computed value, or a text
        without its case. FieldError if there is none."""
        found = self.fields.get(name) or self.attnames.get(name) or self.derived.get(name)
        if found is not None:
            return found
        if name.endswith(FOLDED):
            return folded(self.indexed(name.removesuffix(FOLDED)), self.label)
        if name.endswith(NEAR) and (cell := self.field(name.removesuffix(NEAR)).ordered_as):
            return cell  # type: ignore[no-any-return]
        root, *keys = name.split(LOOKUP_SEP)
        reached: Indexed | None = self.field(root).at_path(keys) if keys else None
        return reached or self.field(name)

    def named(self, name: str) -> Indexed:
        """The field, path or computed value that ``order_by`` or ``facet`` names."""
        found = self.indexed(name)
        return found if getattr(found, "is_looked_up", True) else self.field(name)

    def by_name(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """A payload dict by field name; defaults where a key is missing.

        ValidationError names a field whose default it cannot hold."""
        return {
            name: stored[field.key] if field.key in stored else field.absent_primitive()
            for name, field in self.fields.items()
        }

    def raise_problems(self) -> None:
        """Raise FieldError for the mistakes that the system checks report."""
        if self.problems:
            raise FieldError(" ".join(f"{p.message} {p.hint}" for p in self.problems))

    def _declared(self, attribute: str) -> Mapping[Any, Any]:
        declared = getattr(self.model, attribute, None) or {}
        if isinstance(declared, Mapping):
            return declared
        mistake = self._mistake(
            "sonic.E003",
            f"{attribute} is a {type(declared).__name__}.",
            f"Make it a dict, as in {attribute} = {{...}}.",
        )
        self.problems.append(mistake.problem)
        return {}

    # Indexes, uniques, full text ----------------------------------------------------------------

    def _read_indexes(self, declared: Mapping[Any, Any]) -> None:
        for name, given in declared.items():
            self._add_index(str(name), self._index_of(str(name), given))
        for name, field in self.fields.items():
            if field.sonic_index:
                ordered = field.ordered_as or (field.order_kind and not field.many)
                self._add_index(name, Index(order_by=name) if ordered else Index([name]))

    def _index_of(self, name: str, given: Any) -> Index:
        """An Index for what stands in ``indexes``: an Index, or a list of fields.

        A list whose name contains ``order_by_<field>`` is ordered by that field, as in PySonic.
        """
        if isinstance(given, Index):
            return given
        order = name.partition("order_by_")[2] or None
        fields = [given] if isinstance(given, str) or not hasattr(given, "__iter__") else given
        return Index(list(fields), order)

    def _add_index(self, name: str, index: Index) -> None:
        """Compile an index and add it, unless an equal one is there already."""
        with self._noting_mistakes():
            spec = self._compiled(index, index.name or name, f"indexes[{name!r}]")
            if spec in self.indexes.values():
                return
            self.indexes[name if name not in self.indexes else f"{name}_index"] = spec
            for part in (*spec.parts, *([spec.order] if spec.order else [])):
                if part.name not in self.fields:
                    self.derived[part.name] = self.indexed(part.name)

    def _compiled(self, index: Index, computed_name: str, where: str) -> IndexSpec:
        """The index as data."""
        names = self._names(index.fields, where)
        if index.expression is not None:
            self.derived[computed_name] = self._computed(index, computed_name, where)
            names.append(computed_name)
        order_name = self._names([index.order_by], where)[0] if index.order_by is not None else ""
        order_name = order_name.lstrip("-")
        if not names and not order_name:
            raise self._mistake(
                "sonic.E001", f"{where} names no field.", "Give fields, order_by or both."
            )
        found = [self._indexed_for(name, where) for name in names]
        order = self._indexed_for(order_name, where) if order_name else None
        if order is not None:
            order = order.ordered_as or order
        self._refuse_unindexable([*found, order] if order else found, where)
        if index.case_insensitive:
            found, order = self._folded(found, order, where)
        by = order.part if order else None
        if by is not None and (by.many or by.order is None):
            raise self._mistake(
                "sonic.E002",
                f"{where} orders by {order_name}, whose values have no order.",
                "Order by a text, number or time field.",
            )
        # A posting does not depend on how its field orders.
        return IndexSpec(tuple(replace(one.part, order=None) for one in found), by)

    def _names(self, given: Iterable[Any], where: str) -> list[str]:
        """The names of fields that are given by name or as fields."""
        try:
            return [name_of(field) for field in given]
        except TypeError as error:
            hint = "Name fields of the class itself."
            raise self._mistake("sonic.E001", f"{where}: {error}", hint) from error

    def _indexed_for(self, name: str, where: str) -> Indexed:
        """The indexed value that an index names."""
        try:
            return self.indexed(name)
        except FieldError:
            self._require_known([name], where)
            raise

    def _refuse_unindexable(self, found: Iterable[Indexed], where: str) -> None:
        for one in found:
            if one.no_index:
                raise self._mistake(
                    "sonic.E008",
                    f"{where} names {one.name}, whose values are not looked up by themselves.",
                    one.no_index,
                )

    def _folded(
        self, found: list[Indexed], order: Indexed | None, where: str
    ) -> tuple[list[Indexed], Indexed | None]:
        """The same values, the texts among them without their case."""
        if not any(map(has_case, [*found, order] if order else found)):
            raise self._mistake(
                "sonic.E007",
                f"{where} is case-insensitive, and none of its fields holds texts.",
                "Take case_insensitive away, or name a text field.",
            )
        without_case = [Folded(one) if has_case(one) else one for one in found]
        return without_case, Folded(order) if order and has_case(order) else order

    def _computed(self, index: Index, name: str, where: str) -> Computed:
        """The computed value of an index with an expression."""
        wrong = ""
        earlier = self.derived.get(name)
        if not callable(index.expression):
            wrong = f"has an expression that cannot be called, {index.expression!r}"
        elif name in (*self.fields, *self.attnames, "id", "pk"):
            wrong = f"is called {name!r}, which is a field already"
        elif not name.isidentifier() or LOOKUP_SEP in name:
            wrong = f"is called {name!r}, by which nothing can be looked up"
        elif isinstance(earlier, Computed) and earlier.function is not index.expression:
            wrong = f"is called {name!r}, as is another expression"
        if wrong or index.expression is None:
            raise self._mistake(
                "sonic.E009",
                f"{where} {wrong}.",
                "Write Index(expression=function, name=...), with a name of its own.",
            )
        return Computed(self, name, index.expression, index.version)

    def _read_uniques(self, declared: Mapping[Any, Any]) -> None:
        groups = {str(name): given for name, given in declared.items()}
        for name, field in self.fields.items():
            if field.unique:
                groups.setdefault(name, [name])
        for name, given in groups.items():
            with self._noting_mistakes():
                self._add_unique(name, given if isinstance(given, (list, tuple)) else [given])

    def _add_unique(self, name: str, members: Iterable[Any]) -> None:
        where = f"uniques[{name!r}]"
        names = tuple(self._names(members, where))
        self._require_known(names, where)
        for one in names:
            if self.fields[one].many:
                raise self._mistake(
                    "sonic.E004",
                    f"{where} contains the list {one}.",
                    "A list cannot be unique; use single fields.",
                )
        # The index finds the object by them; the database alone enforces them.
        ordered = len(names) == 1 and self.fields[names[0]].order_kind
        self._add_index(name, Index(order_by=names[0]) if ordered else Index(names))
        self.uniques.append(UniqueConstraint(name, names))

    def _read_fulltext(self, declared: Mapping[Any, Any]) -> None:
        for given, weight in declared.items():
            with self._noting_mistakes():
                if given == "groups":
                    names = [name_of(member) for member in weight]
                    self._require_known(names, "fulltext_indexes['groups']")
                    self.text_groups = names
                else:
                    self._add_weight(name_of(given), weight)

    def _add_weight(self, name: str, weight: Any) -> None:
        self._require_known([name], "fulltext_indexes")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight <= 0:
            raise self._mistake(
                "sonic.E005",
                f"fulltext_indexes[{name}] has the weight {weight!r}.",
                "A weight is a number above 0.",
            )
        self.text_weights[name] = weight

    # Mistakes -----------------------------------------------------------------------------------

    def _require_known(self, names: Iterable[str], where: str) -> None:
        unknown = [name for name in names if name not in self.fields]
        if unknown:
            raise self._mistake(
                "sonic.E001",
                f"{where} names {', '.join(unknown)}, which the class does not declare.",
                f"Its fields are {', '.join(self.fields) or 'none'}.",
            )

    def _mistake(self, id: str, message: str, hint: str) -> _Mistake:
        return _Mistake(Problem(id, f"{self.label}.{message}", hint))

    @contextmanager
    def _noting_mistakes(self) -> Iterator[None]:
        """Keep a mistake in ``problems``; what is declared wrong is left out."""
        try:
            yield
        except _Mistake as mistake:
            self.problems.append(mistake.problem)
