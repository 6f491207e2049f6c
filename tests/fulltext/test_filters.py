"""filter() and exclude(): what each lookup matches."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from haystack.backends import SQ
from haystack.inputs import AutoQuery, Clean, Exact, Not, Raw
from xapian_backend import InvalidIndexError

from .conftest import Library

UTC = datetime.timezone.utc


def day(number: int) -> datetime.date:
    return datetime.date(2024, 3, number)


def hour(number: int) -> datetime.datetime:
    return datetime.datetime(2024, 3, 1, number, tzinfo=UTC)


# Words ------------------------------------------------------------------------------------------


def test_a_field_is_searched_for_all_words_in_any_form_and_order(library: Library):
    library.add(title=["running dogs", "a dog", "dogs that run", "cats"])
    assert library.filter(title="dog run") == [1, 3]
    assert library.filter(title__contains="DOG") == [1, 2, 3]


def test_a_field_does_not_match_words_of_another(library: Library):
    library.put({"title": "fox"}, {"body": "fox"})
    assert library.filter(title="fox") == [1]
    assert library.filter(content="fox") == [1, 2]


def test_what_looks_like_an_operator_in_a_filter_is_a_word(library: Library):
    library.add(title=["fox", "fox or hound", "hound"])
    assert library.filter(title="fox OR hound") == [2]
    assert library.filter(content="fox -hound") == [2]
    assert library.filter(content="title:fox") == []


def test_exact_is_the_whole_text_without_regard_to_case_and_spaces(library: Library):
    library.add(title=["The Fox", "the fox runs", "  the\n FOX ", ""])
    assert library.filter(title__exact="the fox") == [1, 3]
    assert library.filter(title__exact="") == [4]
    assert library.filter(title__in=["THE FOX", "nothing"]) == [1, 3]
    assert library.exclude(title__exact="the fox") == [2, 4]


def test_facet_fields_match_letter_by_letter(library: Library):
    library.add(owner=["Anna", "anna", "Anna B."])
    assert library.filter(owner="Anna") == [1]
    assert library.filter(owner__in=["anna", "Anna B."]) == [2, 3]
    assert library.filter(content="anna") == []


def test_the_facet_of_a_field_is_its_whole_value(library: Library):
    library.add(title=["Still Life", "still life", "Life"])
    assert library.filter(title_exact="Still Life") == [1]


def test_a_multi_valued_field_matches_one_of_its_values(library: Library):
    library.add(tags=[["life", "work"], ["Still Life"], [], ["lives"]])
    assert library.filter(tags="life") == [1]
    assert library.filter(tags__in=["work", "Still Life"]) == [1, 2]
    assert library.exclude(tags="life") == [2, 3, 4]


def test_a_multi_valued_field_contains_words(library: Library):
    library.add(tags=[["life", "work"], ["Still Life"], ["work"]])
    assert library.filter(tags__contains="life") == [1, 2]
    assert library.filter(content="life") == [1, 2]


def test_startswith_respects_its_field(library: Library):
    library.put({"title": "terminal"}, {"title": "a term", "body": "term"}, {"body": "term"})
    assert library.filter(title__startswith="term") == [1]
    assert library.filter(title__startswith="A T") == [2]
    assert library.exclude(title__startswith="term") == [2, 3]


def test_startswith_of_keywords_is_letter_by_letter(library: Library):
    library.put({"owner": "Anna", "tags": ["x", "Life"]}, {"owner": "anna", "tags": ["life"]})
    assert library.filter(owner__startswith="An") == [1]
    assert library.filter(tags__startswith="Li") == [1]


def test_startswith_of_the_content_is_any_word(library: Library):
    library.put({"title": "a terminal"}, {"body": "terms"}, {"title": "mater"})
    assert library.filter(content__startswith="term") == [1, 2]


def test_startswith_needs_text_and_says_so(library: Library):
    library.add(number=[20])
    with pytest.raises(InvalidIndexError, match=r"number.*no text"):
        library.filter(number__startswith=2)


def test_startswith_longer_than_what_is_kept_of_a_value_is_refused(library: Library):
    library.add(title=["x" * 500])
    assert library.filter(title__startswith="x" * 64) == [1]
    with pytest.raises(InvalidIndexError, match="at most 64 bytes"):
        library.filter(title__startswith="x" * 65)


@pytest.mark.parametrize(
    ("lookup", "cure"), [("endswith", "NgramField"), ("fuzzy", "spelling_suggestion")]
)
def test_a_lookup_that_xapian_cannot_do_names_what_to_use(library: Library, lookup: str, cure: str):
    with pytest.raises(NotImplementedError, match=cure):
        library.filter(**{f"title__{lookup}": "x"})


def test_an_unknown_field_is_named_with_those_that_there_are(library: Library):
    with pytest.raises(InvalidIndexError, match=r"'titel'.*There are.* title"):
        library.filter(titel="x")


def test_parts_of_words_by_an_ngram_field(library: Library):
    library.add(parts=["Terminal emulator", "term", "antiquarian"])
    assert library.filter(parts="mina") == [1]
    assert library.filter(parts="ter emu") == [1]
    assert library.filter(parts="antiquarian") == [3]
    assert library.filter(content="mina") == []


def test_a_word_longer_than_any_ngram_is_found_by_its_parts(library: Library):
    word = "electroencephalographically"
    library.add(parts=[word, "electroencephalogram"])
    assert library.filter(parts=word) == [1]


def test_beginnings_by_an_edge_ngram_field_and_autocomplete(library: Library):
    library.add(starts=["Terminal emulator", "determined"])
    assert library.filter(starts="ter") == [1]
    assert [one.pk for one in library.groups().autocomplete(starts="emu term")] == [1]


# Input types ------------------------------------------------------------------------------------


def test_input_types(library: Library):
    library.add(title=["big cat", "cat big", "big", "cats"])
    assert library.filter(content=Exact("big cat")) == [1]
    assert library.filter(title=Exact("big cat")) == [1]
    assert library.filter(content=Clean("cat")) == [1, 2, 4]
    assert library.filter(content=Not("cat")) == [3]
    assert library.filter(content=Raw("cat NOT big")) == [4]
    assert library.filter(title=AutoQuery("cat -big")) == [4]


def test_raw_search_knows_fields_and_ranges(library: Library):
    library.put({"title": "a", "number": 5}, {"title": "a", "number": 50}, {"body": "a"})
    found = library.groups().raw_search("title:a number:1..10")
    assert [one.pk for one in found] == [1]


# Comparisons ------------------------------------------------------------------------------------

ORDERED: dict[str, list[Any]] = {
    "number": [-(2**64), -7, 12, 2**53 + 1, None],
    "ratio": [-2.1, -2.0, 0.5, 1e300, None],
    "price": ["-10", "9", "10", "100.01", None],
    "day": [day(1), day(2), day(10), day(20), None],
    "moment": [hour(1), hour(2), hour(10), hour(20), None],
    "title": ["Ant", "bee", "Cat", "dog", None],
    "owner": ["A", "B", "a", "b", None],
}


@pytest.mark.parametrize("field", ORDERED)
def test_comparisons_match_by_value_and_never_what_has_none(library: Library, field: str):
    values = ORDERED[field]
    library.add(**{field: values})
    second, third = values[1], values[2]
    assert library.filter(**{f"{field}__gt": second}) == [3, 4]
    assert library.filter(**{f"{field}__gte": second}) == [2, 3, 4]
    assert library.filter(**{f"{field}__lt": third}) == [1, 2]
    assert library.filter(**{f"{field}__lte": third}) == [1, 2, 3]
    assert library.filter(**{f"{field}__range": (second, third)}) == [2, 3]
    assert library.filter(**{f"{field}__range": (None, second)}) == [1, 2]


@pytest.mark.parametrize("field", ORDERED)
def test_a_comparison_that_fails_needs_a_value_as_well(library: Library, field: str):
    values = ORDERED[field]
    library.add(**{field: values})
    second, third = values[1], values[2]
    assert library.exclude(**{f"{field}__gt": second}) == [1, 2]
    assert library.exclude(**{f"{field}__gte": second}) == [1]
    assert library.exclude(**{f"{field}__lt": third}) == [3, 4]
    assert library.exclude(**{f"{field}__lte": third}) == [4]
    assert library.exclude(**{f"{field}__range": (second, third)}) == [1, 4]


@pytest.mark.parametrize("field", ORDERED)
def test_exact_in_and_none(library: Library, field: str):
    values = ORDERED[field]
    library.add(**{field: values})
    assert library.filter(**{f"{field}__exact": values[1]}) == [2]
    assert library.filter(**{f"{field}__in": [values[0], values[3]]}) == [1, 4]
    assert library.filter(**{field: None}) == [5]
    assert library.exclude(**{field: None}) == [1, 2, 3, 4]


def test_text_is_converted_to_the_kind_of_the_field(library: Library):
    library.put({"number": 5, "moment": hour(5), "day": day(5), "flag": True})
    assert library.filter(number="5") == [1]
    assert library.filter(number__gt="4.5") == [1]
    assert library.filter(moment__gte="2024-03-01T05:00:00Z") == [1]
    assert library.filter(day__lt="2024-03-06") == [1]
    assert library.filter(flag="true") == [1]


def test_a_value_of_the_wrong_kind_is_a_clear_error(library: Library):
    with pytest.raises(InvalidIndexError, match=r"ratio__gt.*'many' is not a number"):
        library.filter(ratio__gt="many")


def test_moments_of_other_time_zones_are_compared_as_moments(library: Library):
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    library.add(moment=[hour(3), datetime.datetime(2024, 3, 1, 11, tzinfo=tokyo)])
    assert library.filter(moment__lt=hour(3)) == [2]
    assert library.filter(moment=datetime.datetime(2024, 3, 1, 12, tzinfo=tokyo)) == [1]


def test_nothing_compares_with_what_is_not_a_number(library: Library):
    library.add(ratio=[float("nan"), 1.0])
    assert library.filter(ratio__gt=0) == [2]
    assert library.filter(ratio__lt=float("nan")) == []
    assert library.filter(ratio__gt=float("nan")) == []


def test_booleans(library: Library):
    library.add(flag=[True, False, None])
    assert library.filter(flag=True) == [1]
    assert library.filter(flag=False) == [2]
    assert library.exclude(flag=True) == [2, 3]


@pytest.mark.parametrize("name", ["tags", "content", "id"])
def test_what_has_no_order_cannot_be_compared(library: Library, name: str):
    with pytest.raises(InvalidIndexError, match=r"order|'exact' and 'in'|`exact` and `in`"):
        library.filter(**{f"{name}__gt": "x"})


def test_primary_keys_are_compared_as_numbers(library: Library):
    library.put(*({"title": "x"} for _ in range(12)))
    assert library.filter(django_id__gt=9) == [10, 11, 12]
    assert library.filter(django_id__in=[1, "12", 99]) == [1, 12]
    assert library.filter(id="auth.group.7") == [7]
    assert library.filter(django_ct="auth.group", django_id=3) == [3]


def test_a_queryset_is_a_list_of_values(library: Library, db: None):
    Group.objects.create(pk=2, name="two")
    library.put({"title": "one"}, {"title": "two"})
    assert library.filter(django_id__in=Group.objects.values_list("pk", flat=True)) == [2]


# Together ---------------------------------------------------------------------------------------


def test_an_empty_list_matches_nothing_and_its_negation_everything(library: Library):
    library.add(title=["a", "b"])
    assert library.filter(title__in=[]) == []
    assert library.exclude(title__in=[]) == [1, 2]


def test_and_or_not_in_any_nesting(library: Library):
    library.put(
        {"title": "a", "number": 1},
        {"title": "a", "number": 2},
        {"title": "b", "number": 1},
        {"title": "b"},
    )
    a, b, one = SQ(title="a"), SQ(title="b"), SQ(number=1)
    assert library.filter(a & one) == [1]
    assert library.filter(a | one) == [1, 2, 3]
    assert library.filter(~(a & one)) == [2, 3, 4]
    assert library.filter(~(a | one)) == [4]
    assert library.filter(~(~a | ~one)) == [1]
    assert library.filter(b & ~SQ(number__gt=1)) == [3]
    assert library.exclude(~SQ(number__gt=1)) == [2]
    assert library.filter((a & one) | (b & ~one)) == [1, 4]


def test_querysets_are_combined(library: Library):
    library.add(title=["fox", "hound", "fox hound"])
    fox, hound = library.groups().filter(title="fox"), library.groups().filter(title="hound")
    assert sorted(one.pk for one in fox & hound) == [3]
    assert sorted(one.pk for one in fox | hound) == [1, 2, 3]


def test_filters_do_not_change_the_ranking(library: Library):
    library.put(
        {"title": "fox", "tags": ["a"], "number": 1},
        {"body": "fox", "tags": ["a", "b", "c"], "number": 2},
        {"title": "hound"},
    )
    found = library.groups().filter(content="fox", tags__in=["a", "b", "c"], number__gt=0)
    assert [one.pk for one in found] == [1, 2]


def test_narrowing_to_a_facet(library: Library):
    library.put(
        {"title": "Still Life", "tags": ["still life", "x"], "number": 5},
        {"title": "Life", "tags": ["x"], "number": 15},
    )
    narrow = library.groups().narrow
    assert [one.pk for one in narrow('title_exact:"Still Life"')] == [1]
    assert [one.pk for one in narrow('tags:"still life"')] == [1]
    assert [one.pk for one in narrow("tags:x").narrow("number:10..*")] == [2]
    assert [one.pk for one in narrow("number:5")] == [1]
    assert [one.pk for one in narrow(SQ(title_exact="Still Life"))] == [1]
    assert [one.pk for one in narrow(SQ(number__lte=9))] == [1]
    assert [one.pk for one in narrow("-tags:nothing")] == [1, 2]


def test_boosting_a_word(library: Library):
    library.put({"title": "fox and cat"}, {"title": "fox"}, {"title": "fox and hound"})
    assert library.groups().filter(content="fox").boost("hound", 10)[0].pk == 3


def test_places_are_refused_and_not_ignored(library: Library):
    with pytest.raises(NotImplementedError, match="dwithin"):
        library.backend.search("*", dwithin={"field": "place"})
