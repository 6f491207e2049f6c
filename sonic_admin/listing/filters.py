"""The filters of a list: their values and numbers come from the index.

Filters are filled together, once the list is known: one round trip for the values of all fields,
one statement for the names of each model referred to, one round trip for the numbers that the
values do not bring along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.admin import FieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import FieldError, ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.query.batch import CountOf, Item

from .facet_counts import MOST_OBJECTS, Values, values_of
from .list_request import ListRequest

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Values shown in a filter; its input reaches the others.
MOST_VALUES = 10


@dataclass
class Choice:
    """A line of a filter: its parameters in the address, and the lookups that they mean."""

    label: Any
    parameters: dict[str, str] = field(default_factory=dict)
    lookups: dict[str, Any] = field(default_factory=dict)
    count: int | None = None


@dataclass(frozen=True)
class Input:
    """A text input of a filter."""

    parameter: str
    label: Any
    value: str
    type: str = "text"


class IndexFilter(FieldListFilter):
    """A filter by a field that an index answers. Subclasses give its choices and its inputs."""

    field: Any
    template = "sonic_admin/filter.html"
    #: How many values to read from the index; 0 for none.
    most_values = MOST_VALUES
    #: Whether the values shown are those of all objects, also within other filters.
    lists_all = False

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: dict[str, Any],
        model: Any,
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.model = model
        self.values: Values | None = None
        self.shown: list[Choice] | None = None
        self.hidden_parameters: list[tuple[str, str]] = []
        self.exact = self.exact_parameter(field_path)
        self.isnull = f"{field_path}__isnull"
        self.isempty = f"{field_path}__isempty"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.given: dict[str, str] = {
            name: str(value[-1] if isinstance(value, list) else value)
            for name, value in self.used_parameters.items()
        }

    # For subclasses -----------------------------------------------------------------------------

    def exact_parameter(self, field_path: str) -> str:
        """The parameter that chooses one value."""
        return f"{field_path}__exact"

    def expected_parameters(self) -> Any:
        """All parameters of the filter."""
        return [self.exact, self.isnull, self.isempty]

    def make_choices(self) -> list[Choice]:
        """The choices below "All"."""
        return [self.choice_of(value, number) for value, number in self.pairs]

    def inputs(self) -> list[Input]:
        """The inputs below the choices."""
        return []

    def label_of(self, value: Any) -> Any:
        """The text of a value."""
        return value

    # Filtering ----------------------------------------------------------------------------------

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The objects that the parameters leave. IncorrectLookupParameters names a bad one."""
        try:
            for name, text in self.given.items():
                queryset = queryset.filter(**self.lookup(name, text))
        except (ValueError, ValidationError, FieldError) as error:
            raise IncorrectLookupParameters(self._explained(error)) from error
        return queryset

    def lookup(self, parameter: str, text: str) -> dict[str, Any]:
        """The condition for a parameter of the address."""
        if parameter == self.isnull:
            return {parameter: text.lower() not in ("0", "false", "")}
        if parameter == self.isempty:
            return {self.field_path: [] if self.field.many else ""}
        return {parameter: self.parsed(text)}

    def parsed(self, text: str) -> Any:
        """The value of a text; ValidationError if there is none."""
        return self.field.to_primitive(text)

    def _explained(self, error: Exception) -> ValidationError:
        messages = getattr(error, "messages", None) or [str(error)]
        shown = ", ".join(value for name, value in self.given.items())
        return ValidationError(f"{self.title}: “{shown}”: {' '.join(messages)}")

    # Choices ------------------------------------------------------------------------------------

    @property
    def problem(self) -> str:
        """The reason why the filter has no values; empty if it has."""
        return str(self.values.problem) if self.values and self.values.problem else ""

    @property
    def pairs(self) -> Sequence[tuple[Any, int]]:
        """(value, number of objects) of the values shown."""
        return self.values.pairs[:MOST_VALUES] if self.values else ()

    @property
    def has_more(self) -> bool:
        """Whether there are values that are not shown."""
        values = self.values
        return values is not None and (not values.complete or len(values.pairs) > MOST_VALUES)

    @property
    def is_active(self) -> bool:
        """Whether the user has chosen a value."""
        return bool(self.given)

    @property
    def is_counted(self) -> bool:
        """Whether each choice has its number."""
        return all(choice.count is not None for choice in self.shown or ())

    def choice_of(self, value: Any, number: int | None) -> Choice:
        """The choice of a value, with its number of objects."""
        if value is None:
            return Choice(_("(none)"), {self.isnull: "True"}, {self.isnull: True}, number)
        if value in ([], ""):
            return Choice(_("(empty)"), {self.isempty: "1"}, {self.field_path: value}, number)
        parameters = {self.exact: str(value)}
        return Choice(self.label_of(value), parameters, {self.field_path: value}, number)

    def set_choices(self, *, counted: bool) -> None:
        """Make the choices; the chosen value is one of them, however rare it is."""
        self.shown = self.make_choices()
        if not counted:
            for choice in self.shown:
                choice.count = None
        text = self.given.get(self.exact)
        if text is not None and not any(map(self._is_chosen, self.shown)):
            self.shown.append(self.choice_of(self.parsed(text), None))

    def _is_chosen(self, choice: Choice) -> bool:
        return bool(self.given) and choice.parameters == self.given

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """What the template shows: a link for each choice, "All" first."""
        if self.shown is None:
            # In the list of a plain ModelAdmin each filter is filled by itself.
            fill(ListRequest.of(changelist, self.request), [self])
        mine = list(self.expected_parameters())
        self.hidden_parameters = [
            (name, text)
            for name, texts in changelist.filter_params.items()
            if name not in mine
            for text in (texts if isinstance(texts, list) else [texts])
        ]
        if self.shown or self.given:
            yield {
                "selected": not self.given,
                "query_string": changelist.get_query_string(remove=mine),
                "display": gettext("All"),
                "count": None,
            }
        for choice in self.shown or ():
            selected = self._is_chosen(choice)
            if choice.count == 0 and not selected and not self.field.choices:
                continue
            others = [name for name in mine if name not in choice.parameters]
            yield {
                "selected": selected,
                "query_string": changelist.get_query_string(choice.parameters, others),
                "display": choice.label,
                "count": choice.count,
            }


def fill(
    listing: ListRequest, specs: Sequence[IndexFilter], further: Sequence[Item] = ()
) -> list[Any]:
    """Give the filters their values and numbers, all together.

    Returns the results of the ``further`` items, which share the round trip of the numbers; one is
    an IndexNotBuilt where that is not known.
    """
    root = listing.root_queryset
    bases = {spec: listing.without(spec.expected_parameters()) for spec in specs}
    narrowed = [spec for spec in specs if bases[spec] is not root]
    listed = [spec for spec in specs if spec.most_values]
    # Filters that leave too many objects to count show the values of all objects.
    unknown = [
        spec
        for spec in listed
        if spec in narrowed and not spec.lists_all and _leaves_too_many(listing, spec)
    ]
    sources = {s: root if s.lists_all or s in unknown else bases[s] for s in listed}
    found = values_of({s.field_path: (sources[s], s.most_values + 1) for s in listed})
    late = [s for s in listed if sources[s] is not root and not _is_known(found, s)]
    found |= values_of({s.field_path: (root, s.most_values + 1) for s in late})
    unknown += late
    for spec in specs:
        spec.values = found.get(spec.field_path)
        spec.set_choices(counted=spec not in unknown and not (spec in narrowed and spec.lists_all))
    counted = [(spec, bases[spec]) for spec in specs if not spec.problem]
    return _count(listing, counted, further)


def _leaves_too_many(listing: ListRequest, spec: IndexFilter) -> bool:
    """Whether a filter leaves too many objects to count; unused, it leaves those of the list."""
    return not spec.is_active and _has_many(listing)


def _has_many(listing: ListRequest) -> bool:
    return listing.result_count is not None and listing.result_count > MOST_OBJECTS


def _is_known(found: dict[str, Values], spec: IndexFilter) -> bool:
    values = found.get(spec.field_path)
    return values is None or values.complete or values.problem is not None


def _count(
    listing: ListRequest, specs: Sequence[tuple[IndexFilter, Any]], further: Sequence[Item]
) -> list[Any]:
    """Count the choices that have no number yet: spans, and on request all."""
    items: list[Item] = []
    counted: list[Choice] = []
    for spec, base in specs:
        is_cheap = base is listing.root_queryset or not _has_many(listing)
        if is_cheap or listing.facets:
            todo = [choice for choice in spec.shown or () if choice.count is None]
            items.extend(CountOf(base.filter(**choice.lookups)) for choice in todo)
            counted.extend(todo)
    results = listing.root_queryset.batch([*items, *further], return_exceptions=True)
    for choice, number in zip(counted, results, strict=False):
        choice.count = None if isinstance(number, IndexNotBuilt) else number
    return list(results[len(items) :])
