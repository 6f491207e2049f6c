"""The declarations of a class body, read once: fields, indexes, uniques and full text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        self.uniques = list(self._read_uniques(self._declared("uniques")))
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
        """A payload dict by field name; defaults where a key is missing."""
        return {
            name: stored[field.key]
            if field.key in stored
            else field.to_primitive(field.get_default())
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
        self._problem(
            "sonic.E003",
            f"{self.label}.{attribute} is a {type(declared).__name__}.",
            f"Make it a dict, as in {attribute} = {{...}}.",
        )
        return {}

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
        try:
            names, order_name = index.field_names(), index.order_name()
        except TypeError as error:
            hint = "Name fields of the class itself."
            self._problem("sonic.E001", f"{self.label}.indexes[{name!r}]: {error}", hint)
            return
        if index.expression is not None:
            computed = index.name or name
            if not self._add_computed(computed, index, f"indexes[{name!r}]"):
                return
            names.append(computed)
        if not names and not order_name:
            self._problem(
                "sonic.E001",
                f"{self.label}.indexes[{name!r}] names no field.",
                "Give fields, order_by or both.",
            )
            return
        where = f"indexes[{name!r}]"
        wanted = [*names, *([order_name] if order_name else [])]
        found = [one for name in wanted if (one := self._indexed_or_problem(name, where))]
        if len(found) < len(wanted):
            return
        if order_name:
            found[-1] = found[-1].ordered_as or found[-1]
        for one in found:
            if one.no_index:
                self._problem(
                    "sonic.E008",
                    f"{self.label}.{where} names {one.name}, whose values are not "
                    f"looked up by themselves.",
                    one.no_index,
                )
                return
        if index.case_insensitive:
            if not any(map(has_case, found)):
                self._problem(
                    "sonic.E007",
                    f"{self.label}.{where} is case-insensitive, and none of its "
                    f"fields holds texts.",
                    "Take case_insensitive away, or name a text field.",
                )
                return
            found = [Folded(one) if has_case(one) else one for one in found]
        order = found.pop().part if order_name else None
        if order is not None and (order.many or order.order is None):
            self._problem(
                "sonic.E002",
                f"{self.label}.{where} orders by {order_name}, whose values have no order.",
                "Order by a text, number or time field.",
            )
            return
        # A posting does not depend on how its field orders.
        parts = tuple(replace(one.part, order=None) for one in found)
        spec = IndexSpec(parts, order)
        if spec not in self.indexes.values():
            self.indexes[name if name not in self.indexes else f"{name}_index"] = spec
            for part in (*spec.parts, *([spec.order] if spec.order else [])):
                if part.name not in self.fields:
                    self.derived[part.name] = self.indexed(part.name)

    def _add_computed(self, name: str, index: Index, where: str) -> bool:
        """Add the expression of an index to ``derived``. False, and a problem, if it is wrong."""
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
        if wrong:
            self._problem(
                "sonic.E009",
                f"{self.label}.{where} {wrong}.",
                "Write Index(expression=function, name=...), with a name of its own.",
            )
            return False
        self.derived[name] = Computed(self, name, index.expression, index.version)  # type: ignore[arg-type] # it can be called
        return True

    def _indexed_or_problem(self, name: str, where: str) -> Indexed | None:
        """The indexed value that an index names; None, and a problem, if there is none."""
        try:
            return self.indexed(name)
        except FieldError:
            self._known([name], where)
            return None

    def _read_uniques(self, declared: Mapping[Any, Any]) -> Iterable[UniqueConstraint]:
        groups = {str(name): given for name, given in declared.items()}
        for name, field in self.fields.items():
            if field.unique:
                groups.setdefault(name, [name])
        for name, given in groups.items():
            members = given if isinstance(given, (list, tuple)) else [given]
            try:
                names = tuple(name_of(member) for member in members)
            except TypeError as error:
                hint = "Name fields of the class itself."
                where = f"{self.label}.uniques[{name!r}]"
                self._problem("sonic.E001", f"{where}: {error}", hint)
                continue
            if not self._known(names, f"uniques[{name!r}]"):
                continue
            lists = [n for n in names if self.fields[n].many]
            if lists:
                self._problem(
                    "sonic.E004",
                    f"{self.label}.uniques[{name!r}] contains the list {lists[0]}.",
                    "A list cannot be unique; use single fields.",
                )
                continue
            # The index finds the object by them; the database alone enforces them.
            one = self.fields[names[0]]
            ordered = len(names) == 1 and one.order_kind
            self._add_index(name, Index(order_by=names[0]) if ordered else Index(names))
            yield UniqueConstraint(name, names)

    def _read_fulltext(self, declared: Mapping[Any, Any]) -> None:
        for given, weight in declared.items():
            if given == "groups":
                names = [name_of(member) for member in weight]
                if self._known(names, "fulltext_indexes['groups']"):
                    self.text_groups = names
                continue
            name = name_of(given)
            if not self._known([name], "fulltext_indexes"):
                continue
            if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight <= 0:
                self._problem(
                    "sonic.E005",
                    f"{self.label}.fulltext_indexes[{name}] has the weight {weight!r}.",
                    "A weight is a number above 0.",
                )
                continue
            self.text_weights[name] = weight

    def _known(self, names: Iterable[str], where: str) -> bool:
        unknown = [name for name in names if name not in self.fields]
        if unknown:
            self._problem(
                "sonic.E001",
                f"{self.label}.{where} names {', '.join(unknown)}, which the class "
                f"does not declare.",
                f"Its fields are {', '.join(self.fields) or 'none'}.",
            )
        return not unknown

    def _problem(self, id: str, message: str, hint: str) -> None:
        self.problems.append(Problem(id, message, hint))
