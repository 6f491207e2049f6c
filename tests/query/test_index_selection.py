"""What is kept of how a class's questions are answered: never the answer of another class, of other
lookups or of other values."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db.models import Q
from django.test.utils import isolate_apps

from sonic_django import Index, SonicObj, int_field, list_field, str_field
from sonic_django.index.queries import Leaf
from sonic_django.query.execute import plan
from sonic_django.query.index_selection import choices, has_index, ordering
from sonic_django.query.verify import needed_predicate
from tests.testapp.models import Plain


def declared(name: str, **attributes: Any) -> Any:
    """A new class."""
    meta = type("Meta", (), {"app_label": "testapp"})
    names = {"__module__": __name__, "Meta": meta, **attributes}
    return type(SonicObj)(name, (SonicObj,), names)


@isolate_apps("tests.testapp")
def test_a_changed_declaration_is_answered_by_its_own_indexes() -> None:
    kind, rank = str_field(""), int_field(0)
    before = declared("Before", kind=kind, rank=rank, indexes={"kind": [kind]})
    before_question = before.objects.filter(kind="a")
    kind, rank = str_field(""), int_field(0)
    after = declared("After", kind=kind, rank=rank, indexes={"rank": Index([kind], order_by=rank)})
    after_question = after.objects.filter(kind="a")
    for model, question in ((before, before_question), (after, after_question)):
        (spec,) = model._sonic.indexes.values()
        assert spec.digest in plan(question.state).needs
    plan(after.objects.filter(kind="a").order_by("rank").state)
    with pytest.raises(FieldError, match="no index orders by rank"):
        plan(before.objects.filter(kind="a").order_by("rank").state)
    with pytest.raises(FieldError, match="no index answers rank=1"):
        before.objects.filter(rank=1)


@isolate_apps("tests.testapp")
def test_a_name_that_another_class_knows_is_unknown_to_this_one() -> None:
    declared("One", kind=str_field("", index=True)).objects.filter(kind__startswith="a")
    with pytest.raises(FieldError, match="has no field 'kind'"):
        declared("Other", named=str_field("", index=True)).objects.filter(kind__startswith="a")


def test_what_is_kept_of_a_question_does_not_hold_its_values() -> None:
    one, other = (plan(Plain.objects.filter(group=group).state) for group in ("a", "b"))
    assert isinstance(one.filter, Leaf)
    assert isinstance(other.filter, Leaf)
    assert one.filter.name.removesuffix(b"sa") == other.filter.name.removesuffix(b"sb")
    ranges = [plan(Plain.objects.filter(name__gte="a", name__lt=end).state) for end in ("b", "c")]
    assert ranges[0].filter != ranges[1].filter


def test_other_lookups_of_the_same_fields_are_other_questions() -> None:
    equal = plan(Plain.objects.filter(group="a", number=1).state)
    ranged = plan(Plain.objects.filter(group="a", number__gte=1).state)
    either = plan(Plain.objects.filter(Q(group="a") | Q(group="b"), name="x").state)
    assert len({repr(query.filter) for query in (equal, ranged, either)}) == 3


def test_a_question_of_a_known_kind_is_not_planned_anew() -> None:
    for cached in (choices, ordering, has_index):
        cached.cache_clear()
    for number in range(3):
        found = Plain.objects.filter(name=f"n{number}", group=f"g{number}", number__gt=number)
        plan(found.order_by("number").state)
    misses = [cached.cache_info().misses for cached in (choices, ordering, has_index)]
    # Of the three lookups each was looked for once, of the filter and the order the whole.
    assert misses == [1, 1, 3]


@isolate_apps("tests.testapp")
def test_an_element_of_a_list_is_judged_by_type_and_value() -> None:
    model = declared(
        "Listing", numbers=list_field(int, index=True), words=list_field(str, index=True)
    )
    matches = needed_predicate(model._sonic, model.objects.filter(numbers=1).state.conditions)
    assert matches is not None
    assert matches({"numbers": [2, 1]}, 1) is True
    assert matches({"numbers": [2, 3]}, 1) is False
    assert matches({"numbers": []}, 1) is False
    assert matches({"numbers": None}, 1) is False
    # True == 1, and is another value in the index; 1.0 is the same one.
    assert matches({"numbers": [True]}, 1) is False
    assert matches({"numbers": [1.0]}, 1) is True
