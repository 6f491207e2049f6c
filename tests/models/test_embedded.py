"""EmbeddedObj, emobj_field and emobj_list_field."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django import forms
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.test.utils import isolate_apps

from sonic_django import (
    EmbeddedObj,
    Index,
    SonicObj,
    emobj_field,
    emobj_list_field,
    int_field,
    obj_field,
    str_field,
)
from tests.testapp.kinds import Address, Country, Line, Order

pytestmark = pytest.mark.django_db


def order(**values: object) -> Order:
    address = Address(
        street="Gate", city="Oslo", number=5, tags=["x", "y"], renamed="r",
        country=Country(code="no", facts={"capital": "Oslo"}),
    )  # fmt: skip
    lines = [Line(sku="a", price=Decimal("1.50")), Line(sku="b")]
    return Order(**{"address": address, "lines": lines, **values})


def test_round_trip() -> None:
    saved = order()
    saved.save()
    again = Order.objects.get(pk=saved.pk)
    assert again.address == saved.address
    assert again.address is again.address
    assert again.address.country.facts == {"capital": "Oslo"}
    assert again.lines == saved.lines
    assert again.lines[0].price == Decimal("1.50")
    assert again.save() is False
    assert again.to_dict()["address"]["renamed"] == "r"
    assert Order.objects.create().address is None
    assert Order.objects.create().lines == []


def test_no_class_is_in_the_payload() -> None:
    saved = order()
    saved.save()
    assert b"Address" not in bytes(saved.sonic_payload)
    stored = Order._sonic.decode(saved.sonic_payload, saved.pk)
    assert type(stored["address"]) is dict
    assert type(stored["lines"][0]) is dict


def test_changes_in_place_are_seen() -> None:
    saved = order()
    saved.save()
    again = Order.objects.get(pk=saved.pk)
    again.address.country.code = "se"
    assert again.dirty_fields == ["address"]
    again.lines[1].sku = "c"
    assert again.dirty_fields == ["address", "lines"]
    assert again.save() is True
    assert Order.objects.filter(address__country__code="se", lines__sku="c").get() == again
    assert Order.objects.filter(address__country__code="no").count() == 0
    again.lines.append(Line(sku="d"))
    again.save()
    assert Order.objects.filter(lines__sku="d").get() == again
    again.address.city = "x"
    again.revert()
    assert again.address.city == "Oslo"


def test_defaults_are_never_shared_and_missing_keys_have_them() -> None:
    one, other = Address(), Address()
    one.tags.append("x")
    assert other.tags == []
    for default in (Address(city="Oslo"), lambda: Address(city="Oslo")):
        field = emobj_field(Address, default)
        field.get_default().tags.append("x")
        assert field.get_default() == Address(city="Oslo")
    lines = emobj_list_field(Line, [Line(sku="a")])
    lines.get_default()[0].sku = "b"
    assert lines.get_default() == [Line(sku="a")]
    made = Address.from_primitive({"city": "Oslo", "unknown": 1})
    assert (made.city, made.street, made.tags) == ("Oslo", "", [])
    assert made.to_primitive()["unknown"] == 1
    assert made.to_dict()["extra"] == {"unknown": 1}
    assert Address(**made.to_dict()) == made


def test_dicts_are_taken_and_values_coerced() -> None:
    saved = Order.objects.create(address={"city": "Oslo", "number": "7"}, lines=[{"sku": "a"}])
    assert saved.address.number == 7
    assert saved.lines[0].sku == "a"
    assert Address(country={"code": "no"}).country == Country(code="no")
    again = Order.objects.get(pk=saved.pk)
    assert again.address == Address(city="Oslo", number=7)
    assert again.lines == [Line(sku="a")]


class TestLookups:
    def test_paths(self) -> None:
        first, second = order(total=2), order(total=1, address={"city": "Bergen", "number": 9})
        none = Order()
        for obj in (first, second, none):
            obj.save()

        def found(**lookup: object) -> list[Order]:
            return list(Order.objects.filter(**lookup).order_by("pk"))

        assert found(address__city="Oslo") == [first]
        assert found(address__city__in=["Oslo", "Bergen"]) == [first, second]
        assert found(address__city__isnull=True) == [none]
        assert found(address__number__gt=5) == [second]
        assert found(address__number=5) == [first]
        assert found(address__street__istartswith="GA") == [first]
        assert found(address__country__code="no") == [first]
        assert found(address__country__code=None) == [second, none]
        assert found(address__country__facts__capital="Oslo") == [first]
        assert found(address__tags="y") == [first]
        assert found(address__tags=[]) == [second]
        assert found(address__renamed="r") == [first]
        assert found(lines__sku="b") == [first, second]
        assert found(lines__sku__all=["a", "b"]) == [first, second]
        assert found(lines__sku=[]) == [none]
        assert list(Order.objects.exclude(address__city="Oslo").order_by("pk")) == [second, none]

    def test_facets(self) -> None:
        for number in (5, 5, None):
            Order.objects.create(address={"number": number, "tags": ["x", "x"]}, lines=[{"sku": 1}])
        assert Order.objects.facet("address__number") == [(5, 2), (None, 1)]
        assert Order.objects.facet("address__tags") == [("x", 3)]
        assert Order.objects.facet("lines__sku") == [("1", 3)]

    def test_a_path_orders(self) -> None:
        objects = [Order.objects.create(address={"number": n}) for n in (5, 3, 5, 9)]
        none = Order.objects.create()
        five, three, other_five, nine = objects
        ordered = Order.objects.order_by("address__number", "pk")
        assert list(ordered) == [three, five, other_five, nine, none]
        assert list(ordered.reverse()) == [nine, other_five, five, three, none]
        assert list(ordered.after(five)[:2]) == [other_five, nine]
        assert list(ordered.filter(address__number__lt=9)) == [three, five, other_five]
        assert list(Order.objects.scan().order_by("address__number", "pk")) == list(ordered)
        with pytest.raises(FieldError, match="no index orders by address__city"):
            Order.objects.order_by("address__city").ids()
        with pytest.raises(FieldError, match="has no field 'address__street__iexact'"):
            Order.objects.order_by("address__street__iexact")

    def test_a_key_missing_from_old_payloads_has_the_default(self) -> None:
        saved = Order.objects.create(address=Address(city="Oslo", street="x"))
        table, codec = Order._sonic.table("default"), Order._sonic.codec
        row = table.fetch([saved.pk])[saved.pk]
        stored = codec.decode(row.payload)
        del stored["address"]["city"]
        table.update(saved.pk, row.version, codec.encode(stored), is_deleted=False)
        Order.rebuild_all()
        assert Order.objects.filter(address__city="").get() == saved

    def test_values_are_checked_by_the_embedded_field(self) -> None:
        with pytest.raises(ValidationError, match="must be an integer"):
            Order.objects.filter(address__number="many")
        with pytest.raises(FieldError, match="the lookup 'address__nope' is not supported"):
            Order.objects.filter(address__nope=1)
        with pytest.raises(FieldError, match=r'"lines__price": Index\(\["lines__price"\]\)'):
            Order.objects.filter(lines__price=1)


class TestMistakes:
    def test_values(self) -> None:
        with pytest.raises(TypeError, match="Address has no field town. Its fields are street"):
            Address(town="x")
        with pytest.raises(ValidationError, match="address.*number: .many. value must be"):
            Order(address=Address(number="many")).save()
        with pytest.raises(ValidationError, match="element 1: .*this field takes Line objects"):
            Order(lines=[Line(), Address()]).save()
        with pytest.raises(ValidationError, match="'x' is a str; this field takes Address"):
            Order(address="x").save()
        with pytest.raises(ValidationError, match="city: Ensure this value has at most 20"):
            Order(address=Address(city="x" * 21)).full_clean()

    def test_declarations(self) -> None:
        with pytest.raises(TypeError, match=r"Bad.ref is a ObjField, which only an object with a"):
            type("Bad", (EmbeddedObj,), {"ref": obj_field("self")})
        with pytest.raises(TypeError, match=r"Bad.name: an index or unique belongs to the class"):
            type("Bad", (EmbeddedObj,), {"name": str_field(index=True)})
        with pytest.raises(TypeError, match=r"Bad.extra has a name that EmbeddedObj uses itself"):
            type("Bad", (EmbeddedObj,), {"extra": str_field()})
        with pytest.raises(TypeError, match="is no subclass of EmbeddedObj"):
            emobj_field(int)

    @isolate_apps("tests.testapp")
    def test_an_index_needs_a_path(self) -> None:
        class Bad(SonicObj):
            address = emobj_field(Address, index=True)
            number = int_field()
            indexes = {"country": Index(["address__country"])}

            class Meta:
                app_label = "testapp"

        messages = [m for m in Bad.check() if m.id.startswith("sonic.")]
        assert [m.id for m in messages] == ["sonic.E001", "sonic.E008"]
        assert "names address, whose values are not looked up by themselves" in messages[1].msg
        assert messages[1].hint == 'Index a path into it, as in Index(["address__street"]).'

    def test_plain_django_fields(self) -> None:
        class Plain(EmbeddedObj):
            kind = models.CharField(max_length=1, default="a")

        made = Plain.from_primitive(Plain(kind="b").to_primitive())
        assert made == Plain(kind="b")
        with pytest.raises(ValidationError, match="kind: Ensure this value has at most 1 char"):
            Plain(kind="xx").clean()

    def test_inheritance(self) -> None:
        class Long(Address):
            floor = int_field(1)

        assert list(Long.embedded_fields) == [*Address.embedded_fields, "floor"]
        assert Long(city="x").floor == 1
        assert Long() != Address()


class OrderForm(forms.ModelForm):
    class Meta:
        model = Order
        fields = ["address", "lines"]


def test_forms() -> None:
    data = {"address": '{"city": "Oslo", "number": 5}', "lines": '[{"sku": "a", "price": "1.5"}]'}
    saved = OrderForm(data).save()
    again = Order.objects.get(pk=saved.pk)
    assert again.address == Address(city="Oslo", number=5)
    assert again.lines == [Line(sku="a", price=Decimal("1.5"))]
    assert '"city": "Oslo"' in OrderForm(instance=again)["address"].value()
    wrong = OrderForm({"address": '{"town": 1}', "lines": '[{"price": "x"}]'})
    assert "Address has no field town" in wrong.errors["address"][0]
    assert "price:" in wrong.errors["lines"][0]
    too_long = OrderForm({"address": '{"city": "' + "x" * 21 + '"}', "lines": ""})
    assert "city: Ensure this value has at most 20" in too_long.errors["address"][0]


def test_fixtures() -> None:
    saved = order()
    saved.save()
    text = serializers.serialize("json", [saved])
    saved.destroy()
    for obj in serializers.deserialize("json", text):
        obj.save()
    assert Order.objects.get(address__city="Oslo").lines == order().lines
