"""Texts of users: any language, any character, and their highlighting."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import override_settings
from haystack import indexes
from haystack.inputs import Raw
from haystack.query import SearchQuerySet

from .conftest import GroupIndex, Library

ODD_TEXTS = [
    "",
    " ",
    "*",
    "a*",
    "*a",
    '"',
    '"unbalanced',
    'x "',
    "class:a AND (",
    "title:",
    "title:(",
    "title:a..",
    "title:a..b",
    "number:x..y",
    "number:five",
    "id:..",
    "tags:a..b",
    "django_ct:auth.user OR secret",
    "AND",
    "NOT",
    "OR OR",
    "a NOT",
    "a XOR",
    "NEAR/",
    "a ADJ/0 b",
    "((((",
    "))",
    "+",
    "-",
    "- -",
    "--",
    "+-",
    "😀",
    "\x00",
    "a\x00b",
    "\ud83d",
    "\\",
    '\\"',
    "..",
    "a..b..c",
    ":",
    "::",
    "http://x..y/",
    "~",
    "{!func}",
    "%s %d",
    "-a" * 2000 + "(",
    "x" * 100_000,
    "x " * 50_000,
    "全" * 5000,
]


# Every language ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["大学", "北京大学", "京大", "学", '"北京大学"', "全文检索", "検索エンジン"]
)
def test_chinese_japanese_and_korean_are_found_by_any_part(library: Library, text: str):
    library.put({"title": "北京大学的全文检索系统。検索エンジン"}, {"title": "上海"})
    assert library.typed(text) == [1]
    assert library.filter(content=text.strip('"')) == [1]
    assert library.filter(title=text.strip('"')) == [1]
    assert library.filter(title__contains=text.strip('"')) == [1]
    assert library.ids(text) == [1]


def test_the_whole_of_a_chinese_text_is_exact(library: Library):
    library.add(title=["检索", "全文检索"])
    assert library.filter(title__exact="检索") == [1]
    assert library.filter(title__startswith="全文") == [2]


def test_mixed_scripts(library: Library):
    library.add(title=["Xapian全文検索 engine", "한국어 검색"])
    assert library.typed("xapian 検索") == [1]
    assert library.typed("검색") == [2]


def test_other_forms_of_a_word_are_found_in_any_case(library: Library):
    library.add(title=["Terminal emulators"])
    assert library.typed("TERMINALS Emulator") == [1]


@override_settings(HAYSTACK_XAPIAN_LANGUAGE="german")
def test_the_language_is_a_setting(library: Library):
    library.add(title=["Häuser am Meer"])
    assert library.typed("haus") == [1]


# Operators --------------------------------------------------------------------------------------


def test_operators_of_a_search_box(library: Library):
    library.add(title=["big cat", "cat big", "big dog", "bird"])
    assert sorted(library.typed("big")) == [1, 2, 3]
    assert library.typed('"big cat"') == [1]
    assert library.typed("big -cat") == [3]
    assert library.typed("-big -bird") == []
    assert library.typed("-big") == [4]
    assert library.typed('-"big cat" -bird') == [2, 3]
    assert sorted(library.typed("dog OR bird")) == [3, 4]
    assert library.typed("bi* -big") == [4]


def test_an_unwanted_word_is_only_that_word(library: Library):
    library.add(title=["one two", "one three", "one two three"])
    assert library.typed("one -two three") == [2]


def test_operators_that_make_no_sense_are_words(library: Library):
    library.add(title=["cats and dogs", "cats"])
    assert library.typed("cats AND dogs AND") == [1]


def test_text_for_one_field_stays_in_it(library: Library):
    library.put({"title": "fox", "body": "secret"}, {"body": "fox secret"})
    found = library.groups().auto_query("hound OR secret", fieldname="title")
    assert list(found) == []
    assert list(library.groups().auto_query("body:secret", fieldname="title")) == []


# Nothing escapes and nothing breaks ---------------------------------------------------------------


@pytest.fixture
def secrets(library: Library) -> Library:
    """A group that may be found, and a user that may not."""
    library.put({"title": "x a fox", "tags": ["a"], "number": 5})
    library.put_users({"username": "secret x a fox user"})
    return library


INJECTIONS = [
    *ODD_TEXTS,
    "x OR secret",
    "secret",
    "x) OR (secret",
    '" OR secret OR "',
    "CONTENTTYPEauth.user",
    "django_ct:auth.user",
    "-fox",
    "NOT fox",
    "x XOR secret",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_leaves_the_models_asked_for_or_raises(secrets: Library, text: str):
    found = [
        secrets.groups().auto_query(text),
        secrets.groups().filter(content=text),
        secrets.groups().filter(title=text),
        secrets.groups().filter(content=Raw(text)),
        secrets.groups().filter(content__exact=text),
        secrets.groups().filter(content__startswith=text),
        secrets.groups().auto_query(text, fieldname="title"),
        secrets.groups().filter(tags__contains=text),
    ]
    assert all(result.model is Group for results in found for result in results)
    for partial in (False, True):
        results, total = secrets.backend.search_ids([Group], text, partial=partial)
        assert {result[:2] for result in results} <= {("auth", "group")}
        assert total == len(results)


@pytest.mark.parametrize("text", ["", " ", "!!!", "😀", "*"])
def test_text_without_words_finds_nothing(secrets: Library, text: str):
    assert secrets.ids(text) == []
    assert secrets.filter(content=text) == []


def test_a_text_of_any_length_is_cut(library: Library):
    library.add(title=["fox"])
    assert library.typed("fox " * 2000 + "missing") == [1]


# Highlighting -----------------------------------------------------------------------------------


def highlighted(queryset: Any) -> dict[str, str]:
    (result,) = queryset.highlight()
    marked: dict[str, str] = result.highlighted
    return marked


def test_words_are_marked_as_they_stand_in_the_text(library: Library):
    library.put({"text": "An Apple and two apples; applepie."})
    found = highlighted(library.groups().auto_query("apple"))
    assert found == {"text": "An <em>Apple</em> and two <em>apples</em>; applepie."}


def test_all_but_the_marks_is_escaped(library: Library):
    library.put({"text": "<script>alert('apple')</script> & <b>"})
    assert highlighted(library.groups().filter(content="apple")) == {
        "text": "&lt;script&gt;alert('<em>apple</em>')&lt;/script&gt; &amp; &lt;b&gt;"
    }


@pytest.mark.parametrize("text", ["(a+)+$", "[", "a(b", "\\", ".*"])
def test_text_that_means_something_in_a_regular_expression(library: Library, text: str):
    library.put({"text": "a (a+)+$ b [ .* done"})
    marked = highlighted(library.groups().filter(content=f"done {text}"))
    assert "<em>done</em>" in marked["text"]


def test_fields_with_a_match_are_marked(library: Library):
    library.put({"title": "a fox", "body": "a hound"})
    assert highlighted(library.groups().filter(title="fox")) == {
        "text": "",
        "title": "a <em>fox</em>",
    }


def test_chinese_is_marked_as_one_run(library: Library):
    library.put({"text": "北京大学的检索"})
    assert highlighted(library.groups().auto_query("大学")) == {"text": "北京<em>大学</em>的检索"}


def test_phrases_and_beginnings_are_marked(library: Library):
    library.put({"text": "big cat, cat, catalogue"})
    assert highlighted(library.groups().auto_query('"big cat"'))["text"].startswith(
        "<em>big cat</em>"
    )
    assert "<em>catalogue</em>" in highlighted(library.groups().auto_query("cata*"))["text"]


def test_what_was_not_wanted_is_not_marked(library: Library):
    library.put({"text": "fox", "title": "fox"})
    found = library.groups().filter(content="fox").exclude(content="hound")
    assert highlighted(found) == {"text": "<em>fox</em>", "title": "<em>fox</em>"}


def test_a_long_text_is_marked_to_its_end(library: Library):
    library.put({"text": "filler " * 5000 + "fox"})
    marked = highlighted(library.groups().filter(content="fox"))
    assert marked["text"] == "filler " * 5000 + "<em>fox</em>"


def test_text_that_is_not_stored_is_read_from_the_object(library: Library, db: None):
    class UnstoredIndex(GroupIndex):
        unstored = indexes.CharField(stored=False)

        def prepare_unstored(self, obj: Any) -> str:
            return f"{obj.name} of foxes"

    library.index = UnstoredIndex()
    library.build(library.index)
    groups = [Group.objects.create(name=name) for name in ("den", "pack")]
    library.backend.update(library.index, groups)
    found = library.groups().auto_query("foxes").highlight()
    assert sorted(one.highlighted["unstored"] for one in found) == [
        "den of <em>foxes</em>",
        "pack of <em>foxes</em>",
    ]


# Suggestions ------------------------------------------------------------------------------------


def test_a_word_is_suggested_for_an_unknown_one(library: Library):
    library.add(title=["indexed terminal"])
    assert library.groups().auto_query("indxed").spelling_suggestion() == "indexed"
    assert library.all().spelling_suggestion("termnal indexed") == "terminal indexed"
    assert library.all().spelling_suggestion("terminal") == ""


def test_no_word_is_suggested_that_is_gone(library: Library):
    library.add(title=["indexed"])
    library.put({"title": "other"})
    assert library.all().spelling_suggestion("indxed") == ""


def test_emptying_forgets_the_words(library: Library):
    library.add(title=["indexed"])
    library.backend.clear()
    library.add(title=["something"])
    assert list(library.database().spellings()) != []
    assert library.all().spelling_suggestion("indxed") == ""


def test_without_the_option_there_is_no_suggestion(library: Library):
    library.backend.include_spelling = False
    library.add(title=["indexed"])
    assert library.all().spelling_suggestion("indxed") is None


# More like this ---------------------------------------------------------------------------------


def test_more_like_this(library: Library):
    library.put(
        {"title": "red fox in the snow", "body": "a fox hunts mice in deep snow"},
        {"title": "arctic fox", "body": "the fox of the snow"},
        {"title": "database", "body": "rows and columns"},
        {"title": "snow", "body": "weather"},
    )
    library.put_users({"username": "fox snow"})
    like = library.groups().more_like_this(library.group(1))
    assert [one.pk for one in like] == [2, 4]
    assert like.count() == 2
    assert [one.pk for one in library.groups().more_like_this(library.group(1))[1:2]] == [4]
    assert [one.model for one in library.all().models(User).more_like_this(library.group(1))] == [
        User
    ]


def test_nothing_is_like_what_is_not_indexed(library: Library):
    library.put({"title": "one"})
    assert list(library.all().more_like_this(library.group(9))) == []


def test_filters_narrow_what_is_alike(library: Library):
    library.put({"title": "fox"}, {"title": "fox", "number": 5}, {"title": "fox", "number": 50})
    like = library.groups().filter(number__lt=10).more_like_this(library.group(1))
    assert [one.pk for one in like] == [2]


# Results ----------------------------------------------------------------------------------------


def test_counting_and_paging_agree(library: Library):
    library.put(*({"title": f"fox {number}"} for number in range(45)))
    found = library.groups().auto_query("fox")
    assert found.count() == len(found) == 45
    assert sorted(one.pk for one in found) == list(range(1, 46))
    assert len(found[40:60]) == 5
    assert [one.pk for one in found[10:12]] == [one.pk for one in found][10:12]


def test_objects_are_loaded(library: Library, db: None):
    groups = [Group.objects.create(name=f"fox {number}") for number in range(3)]
    library.backend.update(library.index, groups)
    found = library.groups().auto_query("fox").load_all()
    assert sorted(one.object.name for one in found) == ["fox 0", "fox 1", "fox 2"]


def test_a_query_says_what_it_is(library: Library):
    assert "fox" in str(library.groups().filter(content="fox").query)


def test_an_index_that_was_never_written_is_empty(library: Library):
    assert list(SearchQuerySet(using=library.alias)) == []
    assert library.groups().auto_query("fox").count() == 0
    assert library.groups().facet("tags").facet_counts()["fields"] == {"tags": []}
    assert list(library.groups().more_like_this(library.group(1))) == []
    assert library.all().spelling_suggestion("fox") == ""
    assert library.ids("fox") == []
    assert library.backend.document_count() == 0
    library.backend.remove("auth.group.1")
    library.backend.clear([Group])
