"""search_ids(): primary keys by relevance, and the weights of fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import override_settings
from haystack import indexes
from xapian_backend import InvalidIndexError

from sonic_django.fulltext.engine.ranking import enquire

from .conftest import GroupIndex, Library


def weighted(library: Library, **boosts: float) -> None:
    """Give fields of the index other weights."""
    fields = {name: indexes.CharField(null=True, boost=boost) for name, boost in boosts.items()}
    library.index = type("WeightedIndex", (GroupIndex,), fields)()
    library.build(library.index)


FILLER = "nothing of any interest is said here and so on and on "


def test_keys_and_their_number(library: Library):
    library.put(*({"title": "fox"} for _ in range(25)))
    results, total = library.backend.search_ids([Group], "fox", start=20, end=30)
    assert results == [("auth", "group", pk) for pk in (5, 4, 3, 2, 1)]
    assert total == 25
    assert library.backend.search_ids([Group], "fox", start=30, end=40) == ([], 25)
    assert len(library.ids("fox", end=None)) == 25


@pytest.mark.parametrize("models", [Group, [Group], ["auth.group"], "auth.Group", {Group}])
def test_models_may_be_classes_or_names(library: Library, models: Any):
    library.put({"title": "same"})
    library.put_users({"username": "same"})
    assert library.backend.search_ids(models, "same")[0] == [("auth", "group", 1)]


def test_several_models_and_none(library: Library):
    library.put({"title": "same"})
    library.put_users({"username": "same"})
    assert library.backend.search_ids([Group, User], "same")[1] == 2
    assert library.backend.search_ids([], "same") == ([], 0)


def test_documents_with_all_words_and_the_heavier_field_first(library: Library):
    library.put(
        {"title": "Editor", "body": "runs in a terminal, terminal, terminal"},
        {"title": "Fonts", "body": "for a terminal emulator"},
        {"title": "Emulator", "body": "of a console"},
        {"title": "Terminal emulator", "body": FILLER * 20},
    )
    assert library.ids("terminal emulator") == [4, 2]
    assert library.typed("terminal emulator") == [4, 2]


def test_where_no_document_has_all_words_more_words_come_first(library: Library):
    library.put(
        {"title": "rare " * 9},
        {"body": "common usual " + FILLER * 3},
        {"body": "common usual rare " + FILLER * 3},
        {"title": "common"},
        {"title": "other"},
    )
    assert library.ids("common usual rare missing") == [3, 2, 1, 4]
    weights = {"title": 100, "body": 1}
    assert library.ids("common usual rare missing", weights=weights)[:2] == [3, 2]


def test_the_newest_is_first_among_equals(library: Library):
    library.put({"title": "fox"}, {"title": "fox"}, {"title": "fox"})
    assert library.ids("fox") == [3, 2, 1]


@pytest.mark.parametrize("boosts", [{"title": 5, "body": 1}, {"title": 1, "body": 0.2}])
@pytest.mark.parametrize("text", ["fox", "foxes"])
def test_a_hit_in_a_heavy_field_outranks_hits_in_a_light_one(
    library: Library, boosts: dict[str, float], text: str
):
    weighted(library, **boosts)
    library.put(
        {"title": "fox", "body": FILLER * 10}, {"title": "hound", "body": "a fox, one more fox"}
    )
    assert library.ids(text) == [1, 2]
    assert library.typed(text) == [1, 2]


@pytest.mark.parametrize(("heavy", "light"), [(1.5, 1), (0.5, 0.3), (1.1, 1.0)])
def test_fractions_of_weights_count(library: Library, heavy: float, light: float):
    for first, second in [("title", "body"), ("body", "title")]:
        weighted(library, **{first: heavy, second: light})
        library.put({first: "fox", second: "x y"}, {second: "fox", first: "x y"})
        assert library.ids("fox") == [1, 2]
        assert library.typed("fox") == [1, 2]


def test_scores_depend_on_the_ratio_of_weights_alone(library: Library):
    def scores(scale: float) -> list[float]:
        weighted(library, title=1.5 * scale, body=scale)
        library.put({"title": "fox", "body": "a fox"}, {"body": "fox x"}, {"body": "x"})
        query = library.backend.parser.words("fox")
        mset = enquire(library.database(), query).get_mset(0, 10)
        first, second = (match.weight for match in mset)
        return [first / second]

    with override_settings(HAYSTACK_XAPIAN_WEIGHTING_SCHEME=(1e-9, 0, 1, 0, 0.5)):
        flat = scores(1)
    assert flat == pytest.approx([1.0], abs=1e-6)
    # k1 is multiplied with the scale of the weights, so that 1.0 means here what it means
    # elsewhere: a word that counts 2.5 times is worth 2.5 * 2 / (1 + 2.5), one that counts once 1.
    with override_settings(HAYSTACK_XAPIAN_WEIGHTING_SCHEME=(1.0, 0, 1, 0, 0.5)):
        assert scores(1) == pytest.approx([2.5 * 2 / 3.5])


def test_only_the_fields_asked_for_are_searched(library: Library):
    library.put({"title": "fox"}, {"body": "fox"}, {"title": "red", "body": "fox"})
    assert library.ids("fox", fields=["title"]) == [1]
    assert library.ids("red fox", fields=["title", "body"]) == [3]
    assert library.ids("body:fox", fields=["title"]) == []


def test_weights_of_a_query(library: Library):
    weighted(library, title=1, body=1)
    library.put({"title": "fox", "body": "x"}, {"title": "x", "body": "fox"})
    assert library.ids("fox", weights={"title": 1, "body": 0.1}) == [1, 2]
    assert library.ids("fox", weights={"title": 0.1, "body": 1}) == [2, 1]
    assert library.ids("fox", fields=["title", "body"], weights={"body": 3}) == [2, 1]


def test_weights_of_a_query_take_the_place_of_its_own_ranking(library: Library):
    library.put({"title": "fox", "body": "x"}, {"title": "x", "body": "fox"})
    assert library.ids("fox") == [1, 2]
    assert library.ids("fox", weights={"title": 0.01, "body": 0.03}) == [2, 1]
    assert library.ids("fox missing", weights={"title": 0.01, "body": 0.03}) == [2, 1]


def test_the_last_word_may_be_a_beginning(library: Library):
    library.put({"title": "Terminal emulator"}, {"title": "terminal"}, {"title": "embers"})
    assert library.ids("ter", partial=True) == [2, 1]
    assert library.ids("terminal em", partial=True) == [1]
    assert library.ids("emulator ter", partial=True) == [1]
    assert library.ids("em missing", partial=True) == []
    assert library.ids("term", fields=["title"], partial=True) == [2, 1]
    assert library.ids("term") == []
    assert library.ids("emb", weights={"title": 2}, partial=True) == [3]


def test_a_beginning_may_be_of_any_script(library: Library):
    library.put({"title": "Ünïcode"}, {"title": "北京大学"})
    assert library.ids("ünï", partial=True) == [1]
    assert library.ids("北京大", partial=True) == [2]


def test_terms_filter_exactly(library: Library):
    library.put(
        {"title": "fox", "tags": ["life", "work"], "owner": "1", "number": 5},
        {"title": "fox", "tags": ["still life"], "owner": "2"},
        {"title": "fox", "tags": ["Life"]},
    )
    assert library.ids("fox", filter_terms={"tags": "life"}) == [1]
    assert library.ids("fox", filter_terms={"tags": ["life", "still life"]}) == [2, 1]
    assert library.ids("fox", filter_terms={"tags": "life", "owner": "2"}) == []
    assert library.ids("fox", filter_terms={"number": 5, "owner": 1}) == [1]
    assert library.ids("fox", filter_terms={"number": None}) == [3, 2]
    assert library.ids("fox", filter_terms={"number": "none"}) == []
    assert library.ids("fox", filter_terms={"tags": []}) == []


def test_terms_alone(library: Library):
    library.put({"tags": ["a"]}, {"tags": ["b"]}, {"tags": ["a"]})
    assert library.ids("", filter_terms={"tags": "a"}) == [3, 1]
    assert library.ids("!", filter_terms={"tags": "a"}) == []


def test_terms_do_not_change_the_ranking(library: Library):
    library.put({"title": "fox", "tags": ["a"]}, {"body": "fox", "tags": ["a", "b", "c"]})
    assert library.ids("fox", filter_terms={"tags": ["a", "b", "c"]}) == [1, 2]


@pytest.mark.parametrize(
    "options", [{"fields": ["titel"]}, {"weights": {"titel": 1}}, {"filter_terms": {"titel": 1}}]
)
def test_an_unknown_field_is_an_error(library: Library, options: Any):
    with pytest.raises(InvalidIndexError, match="titel"):
        library.ids("fox", **options)


def test_a_field_without_words_cannot_be_searched(library: Library):
    with pytest.raises(InvalidIndexError, match="owner"):
        library.ids("fox", fields=["owner"])


def test_all_keys_of_a_model(library: Library):
    library.put({"title": "a"}, {"title": "b"})
    library.put_users({"username": "c"})
    assert library.backend.indexed_pks(Group) == {1, 2}
    assert library.backend.indexed_pks("auth.User") == {1}
