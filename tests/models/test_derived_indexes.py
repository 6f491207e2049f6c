"""Indexes of derived values: case-folded text, paths."""

from __future__ import annotations

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st

from sonic_django import Index, SonicObj, int_field, list_field, str_field, var_field
from sonic_django.fields.derived import reach
from sonic_django.index.casefold import fold
from tests.testapp.lookups import Person
from tests.testapp.models import Blog, Everything, Plain

pytestmark = pytest.mark.django_db


def test_digests_of_former_declarations_are_what_they_were() -> None:
    """The digest is part of every key: another one would have all indexes rebuilt."""
    digests = {name: spec.digest for name, spec in Blog._sonic.indexes.items()}
    assert digests == {
        "author": "igtrjxsq",
        "author_tags": "gyfyqb5i",
        "tags_order_by_created": "akkrv3v6",
        "recent": "jx7y6kjs",
        "score": "mqoh6c5j",
    }


class TestFolding:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("STRASSE", "Straße"),
            ("ẞ", "ß"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("é", "E\u0301"),
            ("ΐ", "Ϊ\u0301"),
            ("ǆ", "ǅ"),
            ("K", "\u212a"),
            ("İ", "i\u0307"),
        ],
    )
    def test_one_text(self, one: str, other: str) -> None:
        assert fold(one) == fold(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("i", "\u0131"), ("e", "é"), ("a", "\uff41"), ("1", "¹")]
    )
    def test_two_texts(self, one: str, other: str) -> None:
        assert fold(one) != fold(other)

    def test_a_letter_is_not_the_beginning_of_one_with_an_accent(self) -> None:
        assert not fold("e\u0301a").startswith(fold("E"))

    @given(st.text())
    def test_upper_and_lower_are_one(self, text: str) -> None:
        assert fold(fold(text)) == fold(text)
        if text.isascii():
            assert fold(text.upper()) == fold(text)


class TestCase:
    @pytest.fixture(autouse=True)
    def people(self) -> None:
        for nick in ["Ann", "ANN", "anna", "Straße", "", None, "éa"]:
            Person.objects.create(nick=nick, team="Red", words=["Big", "Words"], score=1)

    def nicks(self, **lookup: object) -> list[str | None]:
        return sorted(Person.objects.filter(**lookup).values_list("nick", flat=True))

    def test_iexact(self) -> None:
        assert self.nicks(nick__iexact="aNN") == ["ANN", "Ann"]
        assert self.nicks(nick__iexact="STRASSE") == ["Straße"]
        assert self.nicks(nick__iexact="") == [""]
        assert Person.objects.filter(nick__iexact=None).count() == 1
        assert Person.objects.exclude(nick__iexact="ann").count() == 5

    def test_istartswith(self) -> None:
        assert self.nicks(nick__istartswith="AN") == ["ANN", "Ann", "anna"]
        assert self.nicks(nick__istartswith="strass") == ["Straße"]
        assert self.nicks(nick__istartswith="E") == []
        assert len(Person.objects.filter(nick__istartswith="")) == 6

    def test_elements_of_a_list_and_several_fields(self) -> None:
        assert Person.objects.filter(words__iexact="WORDS").count() == 7
        ordered = Person.objects.filter(team__iexact="RED").order_by("score")
        assert ordered.explain().strategy == "page"
        assert len(ordered) == 7

    def test_the_case_counts_where_it_is_not_named(self) -> None:
        assert self.nicks(nick="ann") == []
        with pytest.raises(FieldError, match=r"no index answers team='red'"):
            Person.objects.filter(team="red").count()
        with pytest.raises(FieldError, match="no index orders by team"):
            Person.objects.order_by("team").ids()

    def test_a_stale_entry_is_no_answer(self) -> None:
        ann = Person.objects.filter(nick__iexact="anna").get()
        table = Person._sonic.table("default")
        row = table.fetch([ann.pk])[ann.pk]
        other = Person._sonic.codec.encode({**Person._sonic.decode(row.payload, 0), "nick": "Bo"})
        table.update(ann.pk, row.version, other, is_deleted=False)
        assert list(Person.objects.filter(nick__iexact="ANNA")) == []
        assert list(Person.objects.filter(nick__istartswith="anna")) == []

    def test_errors_name_the_cure(self) -> None:
        with pytest.raises(FieldError) as error:
            Plain.objects.filter(name__iexact="x")
        assert "no index answers name__iexact='x'." in str(error.value)
        assert '"name_i": Index(["name"], case_insensitive=True)' in str(error.value)
        with pytest.raises(FieldError) as error:
            Plain.objects.filter(name__istartswith="X")
        assert "no index answers name__istartswith='x'." in str(error.value)
        assert '"name_i": Index(order_by="name", case_insensitive=True)' in str(error.value)
        with pytest.raises(FieldError, match="Everything.whole holds no texts, so it has no iexa"):
            Everything.objects.filter(whole__iexact=5)
        with pytest.raises(FieldError, match="words__iexact is not a text field, so it has no"):
            Person.objects.filter(words__istartswith="w")

    @isolate_apps("tests.testapp")
    def test_an_index_without_texts_is_refused(self) -> None:
        class Counted(SonicObj):
            number = int_field()
            tags = list_field(int)
            indexes = {"n": Index(["number", "tags"], case_insensitive=True)}

            class Meta:
                app_label = "testapp"

        (problem,) = [m for m in Counted.check() if m.id == "sonic.E007"]
        assert "Counted.indexes['n'] is case-insensitive, and none of its fields" in problem.msg
        assert problem.hint == "Take case_insensitive away, or name a text field."


class TestPaths:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"a": {"b": 1}}, 1),
            ({"a": {}}, None),
            ({"a": 5}, None),
            (None, None),
            ({"a": {"b": None}}, None),
            ({"a": {"b": [1, 2]}}, [1, 2]),
            ({"a": [{"b": 1}, {"b": None}, {}, 5, {"b": [2, 3]}]}, [1, 2, 3]),
            ([{"a": {"b": 1}}, {"a": {"b": 2}}], [1, 2]),
            ({"a": [[{"b": 1}], {"b": 2}]}, [1, 2]),
            ({"a": []}, []),
            ({"a": {"b": {"c": 1}}}, {"c": 1}),
        ],
    )
    def test_what_a_path_leads_to(self, value: object, expected: object) -> None:
        assert reach(value, ["a", "b"]) == expected

    def test_lookups(self) -> None:
        oslo = Person.objects.create(meta={"city": "Oslo", "home": {"street": "Gate 1"}})
        many = Person.objects.create(meta={"city": ["Oslo", "Bergen"]})
        none = Person.objects.create(meta={})
        numbers = Person.objects.create(meta={"city": 0, "home": [{"street": "a"}, {"street": 5}]})
        nested = Person.objects.create(meta={"city": {"name": "Oslo"}})

        def found(**lookup: object) -> list[Person]:
            return list(Person.objects.filter(**lookup).order_by("pk"))

        assert found(meta__city="Oslo") == [oslo, many]
        assert found(meta__city__in=["Bergen", 0]) == [many, numbers]
        assert found(meta__city__contains=["Bergen", "Oslo"]) == [many]
        assert found(meta__city__isnull=True) == [none]
        assert found(meta__city=None) == [none]
        assert found(meta__city=False) == []
        assert found(meta__city__isnull=False) == [oslo, many, numbers, nested]
        assert found(meta__city__iexact="OSLO") == [oslo, many]
        assert found(meta__home__street=5) == [numbers]
        assert found(meta__home__street="Gate 1", meta__city="Oslo") == [oslo]
        assert list(Person.objects.exclude(meta__city="Oslo").order_by("pk")) == [
            none, numbers, nested,
        ]  # fmt: skip

    def test_an_index_orders_within_a_path(self) -> None:
        for score in (3, 1, 2):
            Person.objects.create(meta={"city": "Oslo"}, score=score)
        scores = Person.objects.filter(meta__city="Oslo").order_by("score")
        assert list(scores.values_list("score", flat=True)) == [1, 2, 3]
        assert scores[:2].explain().strategy == "page"

    def test_facets(self) -> None:
        for city in ("Oslo", ["Oslo", "Bergen"], 5, None):
            Person.objects.create(meta={"city": city}, nick="Ann")
        assert dict(Person.objects.facet("meta__city")) == {"Oslo": 2, "Bergen": 1, 5: 1, None: 1}
        assert Person.objects.facet("nick") == [("Ann", 4)]

    def test_changes_in_place_reach_the_index(self) -> None:
        person = Person.objects.create(meta={"city": "Oslo"})
        person.meta["city"] = "Bergen"
        person.save()
        assert Person.objects.filter(meta__city="Oslo").count() == 0
        assert Person.objects.filter(meta__city="Bergen").get() == person

    def test_errors(self) -> None:
        with pytest.raises(FieldError) as error:
            Person.objects.filter(meta__country="Norway")
        assert "no index answers meta__country='Norway'" in str(error.value)
        assert '"meta__country": Index(["meta__country"])' in str(error.value)
        with pytest.raises(FieldError, match="the lookup 'nick__city' is not supported"):
            Person.objects.filter(nick__city="x")
        with pytest.raises(FieldError, match="meta__city has no order, so no gt"):
            Person.objects.filter(meta__city__gt=5)
        with pytest.raises(ValidationError, match="is no single value, and an index holds those"):
            Person.objects.filter(meta__city={"a": 1})

    @isolate_apps("tests.testapp")
    def test_declarations(self) -> None:
        class Looked(SonicObj):
            name = str_field()
            meta = var_field()
            indexes = {
                "name_in": ["name__city"],
                "ordered": Index(order_by="meta__city"),
                "lookup_like": ["meta__in"],
            }

            class Meta:
                app_label = "testapp"

        messages = [m.msg for m in Looked.check() if m.id.startswith("sonic.")]
        assert "indexes['name_in'] names name__city, which the class does not" in messages[0]
        assert "indexes['ordered'] orders by meta__city, whose values have no" in messages[1]
        # A declared path may end in a key that is called like a lookup.
        options = Looked._sonic
        options.problems.clear()
        assert str(Looked.objects.filter(meta__in="x").state.conditions) == "meta__in='x'"
