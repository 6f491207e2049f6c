"""Indexing: any text goes in, a bad document costs no other, and documents stay small."""

from __future__ import annotations

import datetime
import json
import logging
import pickle
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from haystack import indexes
from haystack.exceptions import SkipDocument
from xapian_backend import InvalidIndexError

from .conftest import GroupIndex, Library

LONG_URL = "https://example.org/" + "a-very/long/path/" * 40 + "?q=" + "x" * 300
LONG_CHINESE = "全文检索引擎" * 60
LONG_WORD = "w" * 5000


@pytest.mark.parametrize("text", [LONG_URL, LONG_CHINESE, LONG_WORD, "ü" * 200, "\0" * 150])
def test_a_long_run_of_letters_costs_no_document_its_place(library: Library, text: str):
    assert library.put({"title": "before"}, {"title": text}, {"title": "after"}) == []
    assert library.backend.document_count() == 3


@pytest.mark.parametrize("text", [LONG_URL, LONG_CHINESE, LONG_WORD, "\0" * 150])
@pytest.mark.parametrize("field", ["title", "owner", "tags"])
def test_a_whole_value_is_found_at_any_length(library: Library, field: str, text: str):
    one = [text] if field == "tags" else text
    other = [text + "!"] if field == "tags" else text + "!"
    library.put({field: one}, {field: other})
    assert library.filter(**{f"{field}__exact": text}) == [1]
    assert library.filter(**{f"{field}__in": [text, "other"]}) == [1]


def test_a_value_that_looks_like_the_hash_of_another_is_not_it(library: Library):
    library.put({"owner": LONG_WORD})
    (hashed,) = (
        item.term.decode().removeprefix("Eowner:")
        for item in library.document(1).termlist()
        if item.term.startswith(b"Eowner:")
    )
    assert hashed != LONG_WORD
    assert library.filter(owner=hashed) == []


def test_words_around_a_long_word_are_found(library: Library):
    library.put({"body": f"before {LONG_WORD} after"})
    assert library.typed("before after") == [1]


def test_a_field_name_may_be_long(library: Library):
    name = "field_" * 40

    class LongNameIndex(GroupIndex):
        def prepare(self, obj: Any) -> dict[str, Any]:
            return {**super().prepare(obj), name: "many words"}

    LongNameIndex.fields = {**GroupIndex.fields, name: indexes.CharField(index_fieldname=name)}
    library.index = LongNameIndex()
    library.build(library.index)
    library.put({"title": "one"})
    assert library.filter(**{name: "words"}) == [1]


def test_lone_surrogates_are_replaced(library: Library):
    assert library.put({"title": "half \ud83d a pair", "tags": ["\udc00"]}) == []
    assert library.typed("pair") == [1]


def test_a_document_that_cannot_be_made_is_reported_and_the_others_are_indexed(
    library: Library, caplog: pytest.LogCaptureFixture
):
    class FailingIndex(GroupIndex):
        def prepare_title(self, obj: Any) -> str:
            if obj.pk == 2:
                raise RuntimeError("no title today")
            return "title"

    library.index = FailingIndex()
    with caplog.at_level(logging.ERROR, "sonic_django.fulltext"):
        assert library.put({}, {}, {}) == ["auth.group.2"]
    assert sorted(result.pk for result in library.all()) == [1, 3]
    (record,) = caplog.records
    assert "auth.group.2" in record.getMessage()
    assert "no title today" in str(record.exc_info)


def test_a_value_of_the_wrong_kind_costs_only_its_document(library: Library):
    class WrongIndex(GroupIndex):
        def prepare_moment(self, obj: Any) -> Any:
            return "yesterday" if obj.pk == 1 else None

    library.index = WrongIndex()
    assert library.put({"title": "one"}, {"title": "two"}) == ["auth.group.1"]
    assert [result.pk for result in library.all()] == [2]


def test_a_document_that_xapian_refuses_is_reported_and_the_others_are_indexed(
    library: Library, caplog: pytest.LogCaptureFixture
):
    entries = [{"title": f"title {number}"} for number in range(1, 5)]
    maker = library.backend.maker

    class OverlongMaker:
        def make(self, index: Any, obj: Any) -> Any:
            unique, document = maker().make(index, obj)
            if obj.pk in (2, 4):
                document.add_term("x" * 246)
            return unique, document

    library.backend.maker = OverlongMaker
    with caplog.at_level(logging.ERROR, "sonic_django.fulltext"):
        assert library.put(*entries) == ["auth.group.2", "auth.group.4"]
    assert sorted(result.pk for result in library.all()) == [1, 3]
    assert [record.args for record in caplog.records] == [("auth.group.2",), ("auth.group.4",)]


def test_a_skipped_document_is_no_failure(library: Library):
    class SkippingIndex(GroupIndex):
        def prepare(self, obj: Any) -> dict[str, Any]:
            if obj.pk == 1:
                raise SkipDocument
            return super().prepare(obj)

    library.index = SkippingIndex()
    assert library.put({"title": "one"}, {"title": "two"}) == []
    assert [result.pk for result in library.all()] == [2]


def test_a_queryset_of_any_length_is_written_in_batches(library: Library):
    library.backend.batch_size = 10
    written = []

    def groups() -> Iterator[Any]:
        for pk in range(1, 36):
            written.append(library.backend.document_count())
            yield library.group(pk, title="one of many")

    assert library.backend.update(library.index, groups()) == []
    assert library.backend.document_count() == 35
    assert written[0] == 0
    assert written[-1] == 30


def test_indexing_again_replaces(library: Library):
    library.put({"title": "first"})
    library.put({"title": "second"})
    assert library.typed("first") == []
    assert library.typed("second") == [1]
    assert library.backend.document_count() == 1


def test_the_same_object_twice_in_a_batch_is_one_document(library: Library):
    groups = [library.group(1, title="first"), library.group(1, title="second")]
    library.backend.update(library.index, groups)
    assert library.typed("second") == [1]
    assert library.backend.document_count() == 1


def test_removing(library: Library):
    library.put({"title": "one"}, {"title": "two"}, {"title": "three"}, {"title": "four"})
    library.backend.remove(library.group(1))
    library.backend.remove("auth.group.2")
    library.backend.remove_many([library.group(3), "auth.group.99"])
    assert [result.pk for result in library.all()] == [4]


@pytest.mark.parametrize("pk", ["slug-like", "Ünï côdé/with:odd.things", UUID(int=7), 2**63, -5])
def test_a_primary_key_need_not_be_a_small_integer(library: Library, pk: Any):
    library.backend.update(library.index, [library.group(pk, title="odd"), library.group(1)])
    (result,) = library.groups().auto_query("odd")
    assert str(result.pk) == str(pk)
    assert [one.pk for one in library.groups().filter(django_id=pk)] == [result.pk]
    assert [one.pk for one in library.groups().filter(django_id__in=[pk])] == [result.pk]
    library.backend.remove(f"auth.group.{pk}")
    assert [one.pk for one in library.all()] == [1]


def test_a_primary_key_may_be_longer_than_a_term(library: Library):
    keys = ["k" * 300 + "a", "k" * 300 + "b"]
    library.backend.update(library.index, [library.group(pk, title="long") for pk in keys])
    assert sorted(result.pk for result in library.all()) == keys
    library.backend.remove(library.group(keys[0]))
    assert [result.pk for result in library.all()] == keys[1:]


def test_keys_that_differ_in_case_are_two(library: Library):
    library.backend.update(library.index, [library.group("Ab"), library.group("aB")])
    assert [one.pk for one in library.groups().filter(django_id="aB")] == ["aB"]


def test_stored_fields_come_back_as_they_were(library: Library):
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=datetime.timezone.utc)
    entry = {
        "title": "A Title",
        "tags": ["one", "Two"],
        "number": 2**70,
        "price": "12.50",
        "day": datetime.date(2024, 5, 6),
        "moment": moment,
        "flag": False,
    }
    library.put(entry)
    (result,) = library.all()
    assert {name: getattr(result, name) for name in entry} == entry
    assert (result.id, result.django_ct, result.django_id) == ("auth.group.1", "auth.group", "1")
    assert list(library.all().values_list("pk", "title")) == [[1, "A Title"]]


def test_values_that_json_does_not_know_are_stored_as_well(library: Library):
    class OddIndex(GroupIndex):
        def prepare_title(self, obj: Any) -> Any:
            return Decimal("1.50")

        def prepare_tags(self, obj: Any) -> Any:
            return (tag for tag in (UUID(int=1), datetime.time(12, 30)))

    library.index = OddIndex()
    assert library.put({}) == []
    (result,) = library.all()
    assert result.title == Decimal("1.50")
    assert result.tags == [str(UUID(int=1)), datetime.time(12, 30)]


def test_a_document_holds_no_more_than_its_key_unless_fields_are_stored(library: Library):
    class UnstoredIndex(GroupIndex):
        unstored = indexes.CharField(stored=False)

        def prepare_unstored(self, obj: Any) -> str:
            return "words " * 1000

    library.index = UnstoredIndex()
    library.build(library.index)
    library.put({})
    assert json.loads(library.document(1).get_data()) == ["auth", "group", 1]
    assert library.filter(unstored="words") == [1]


def test_nothing_that_is_read_from_an_index_is_unpickled(library: Library):
    library.put({"title": "one"})
    (posting,) = library.database().postlist("Qauth.group.1")
    with library.backend.store.write() as database:
        document = database.get_document(posting.docid)
        document.set_data(pickle.dumps(("auth", "group", 1, {"title": "forged"})))
        database.replace_document(posting.docid, document)
    with pytest.raises(InvalidIndexError, match="rebuild_index"):
        list(library.all())


def test_a_field_named_like_an_argument_of_a_result_does_no_harm(library: Library):
    class ScoreIndex(GroupIndex):
        score = indexes.IntegerField()

        def prepare_score(self, obj: Any) -> int:
            return 7

    library.index = ScoreIndex()
    library.build(library.index)
    library.put({"title": "one"})
    assert library.filter(score=7) == [1]


def test_one_name_may_be_of_two_kinds_in_two_models(library: Library):
    library.put({"number": 10, "tag": "one tag"}, {"number": 9, "tag": "another"})
    library.put_users({"username": "u", "number": "ten", "tag": ["one", "two"]})
    assert library.filter(number__gt=9) == [1]
    assert [one.model_name for one in library.all().filter(number="ten")] == ["user"]
    found = library.all().filter(tag="one")
    assert sorted(one.model_name for one in found) == ["group", "user"]


def test_a_field_that_is_added_leaves_the_order_of_the_others(library: Library):
    library.add(number=[3, 1, 2])
    assert library.ordered("number") == [2, 3, 1]

    class GrownIndex(GroupIndex):
        a_new_first_field = indexes.IntegerField(null=True)

    library.build(GrownIndex())
    assert library.ordered("number") == [2, 3, 1]
    assert library.filter(a_new_first_field=1) == []


def test_fields_whose_names_begin_alike_are_apart(library: Library):
    library.put({"tag": "2nd"}, {"tag2": "nd"})
    assert library.filter(tag="2nd") == [1]
    assert library.filter(tag2="nd") == [2]


def test_the_key_of_a_custom_identifier_is_kept(library: Library):
    class NamedIndex(GroupIndex):
        def prepare(self, obj: Any) -> dict[str, Any]:
            return {**super().prepare(obj), "id": f"group:{obj.pk}"}

    library.index = NamedIndex()
    library.put({"title": "one"})
    assert list(library.all().values_list("id", flat=True)) == ["group:1"]
    library.backend.remove("group:1")
    assert list(library.all()) == []


def test_searching_for_all_models_finds_only_those_with_an_index(library: Library):
    library.put({"title": "same"})
    library.put_users({"username": "same"})
    library.build(library.index)
    assert [result.model for result in library.all().auto_query("same")] == [Group]
