"""Models with the richer kinds of fields: dynamic, embedded, places, passwords."""

from __future__ import annotations

from sonic_django import (
    EmbeddedObj,
    Index,
    SonicObj,
    decimal_field,
    dynamic_field,
    dynamic_list_field,
    emobj_field,
    emobj_list_field,
    geo_field,
    int_field,
    list_field,
    password_field,
    str_field,
    var_field,
)


class Country(EmbeddedObj):
    code = str_field("")
    facts = var_field(dict)


class Address(EmbeddedObj):
    street = str_field("")
    city = str_field("", max_length=20)
    number = int_field(blank=True)
    country = emobj_field(Country, blank=True)
    tags = list_field(str)
    renamed = str_field("", db_column="n")


class Line(EmbeddedObj):
    sku = str_field("")
    price = decimal_field(blank=True)


class Pinned(SonicObj):
    """Whatever was pinned, by whom ever."""

    subject = dynamic_field(blank=True, index=True)
    others = dynamic_list_field(index=True)
    title = str_field("")


class Order(SonicObj):
    address = emobj_field(Address)
    lines = emobj_list_field(Line)
    total = int_field(0)

    indexes = {
        "city": ["address__city"],
        "number": Index(order_by="address__number"),
        "street_i": Index(order_by="address__street", case_insensitive=True),
        "country": ["address__country__code"],
        "fact": ["address__country__facts__capital"],
        "tags": ["address__tags"],
        "renamed": ["address__renamed"],
        "sku": ["lines__sku"],
        "city_total": Index(["address__city"], order_by="total"),
    }


class Place(SonicObj):
    name = str_field("")
    location = geo_field(index=True)

    indexes = {"named": Index([name], order_by=location)}


class Account(SonicObj):
    login = str_field("", index=True)
    password = password_field()
    pin = password_field()
