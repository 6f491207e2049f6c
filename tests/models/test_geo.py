"""geo_field: places, the geo set they make, and distances."""

from __future__ import annotations

import math

import pytest
from django import forms
from django.core.exceptions import FieldError, ValidationError
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.index.encoding import member
from sonic_django.index.geohash import MAX_LATITUDE, distance, geohash, point_of
from sonic_django.query.conditions import Condition
from sonic_django.query.verify import needed_predicate
from sonic_django.transport.client import redis_client
from tests.profiles import examples
from tests.testapp.kinds import Place
from tests.testapp.models import Blog

pytestmark = pytest.mark.django_db

LONGITUDES = st.floats(-180, 180) | st.sampled_from([0.0, -0.0, 180.0, -180.0, 179.9999999])
LATITUDES = st.floats(-MAX_LATITUDE, MAX_LATITUDE) | st.sampled_from([0.0, 85.0, -85.0])
placeS = st.tuples(LONGITUDES, LATITUDES)
CITIES = {"Oslo": (10.75, 59.91), "Bergen": (5.32, 60.39), "Suva": (178.44, -18.14)}


@pytest.fixture
def cities() -> dict[str, Place]:
    return {n: Place.objects.create(name=n, location=at) for n, at in CITIES.items()}


def geo_set() -> str:
    store = Place._sonic.store("default")
    return f"{store.base}:{Place._sonic.indexes['location'].digest}"


class TestAgainstRedis:
    @examples(100)
    @given(places=st.lists(placeS, min_size=1, max_size=20, unique=True))
    def test_scores_are_those_of_geoadd(self, places: list[tuple[float, float]]) -> None:
        client = redis_client()
        key = "sonic-test-geo"
        client.delete(key)
        for number, place in enumerate(places):
            client.execute_command("GEOADD", key, *map(repr, place), number)
        for number, place in enumerate(places):
            assert int(client.zscore(key, number)) == geohash(*place)
            (found,) = client.geopos(key, number)
            assert point_of(geohash(*place)) == pytest.approx(found, abs=1e-12)
        client.delete(key)

    @examples(50)
    @given(one=placeS, other=placeS)
    def test_distances_are_those_of_geodist(
        self, one: tuple[float, float], other: tuple[float, float]
    ) -> None:
        client, key = redis_client(), "sonic-test-geo"
        client.delete(key)
        for name, place in (("one", one), ("other", other)):
            client.execute_command("GEOADD", key, *map(repr, place), name)
        ours = distance(point_of(geohash(*one)), point_of(geohash(*other)))
        # Redis gives a tenth of a millimetre.
        assert ours == pytest.approx(float(client.geodist(key, "one", "other")), abs=1e-3)
        client.delete(key)

    def test_the_index_is_a_geo_set(self, cities: dict[str, Place]) -> None:
        Place.objects.create(name="nowhere")
        found = redis_client().geosearch(
            geo_set(), longitude=10.7, latitude=59.9, radius=400, unit="km", sort="ASC"
        )
        assert found == [member(cities["Oslo"].pk), member(cities["Bergen"].pk)]
        assert redis_client().zcard(geo_set()) == 3

    def test_a_move_and_a_delete(self, cities: dict[str, Place]) -> None:
        cities["Suva"].location = (10.76, 59.92)
        cities["Suva"].save()
        cities["Oslo"].delete()
        found = redis_client().geosearch(
            geo_set(), longitude=10.7, latitude=59.9, radius=10, unit="km"
        )
        assert found == [member(cities["Suva"].pk)]


@given(place=placeS)
def test_a_cell_is_smaller_than_a_metre(place: tuple[float, float]) -> None:
    assert distance(place, point_of(geohash(*place))) < 1


class TestValues:
    @pytest.mark.parametrize(
        "given", [(10.75, 59.91), [10.75, 59.91], "10.75, 59.91", ("10.75", "59.91")]
    )
    def test_spellings(self, given: object) -> None:
        saved = Place.objects.create(location=given)
        assert Place.objects.get(pk=saved.pk).location == (10.75, 59.91)
        assert saved.location == (10.75, 59.91)

    def test_whole_numbers_become_floats(self) -> None:
        saved = Place.objects.create(location=(10, 59))
        assert all(type(degrees) is float for degrees in saved.location)
        assert Place.objects.get(pk=saved.pk).save() is False

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ((181, 0), r"The longitude 181.0 is not between -180.0 and 180.0; a place is \(lon"),
            ((0, 86), "The latitude 86.0 is not between -85.05112878 and 85.05112878"),
            ((0, math.nan), "The latitude nan is not between"),
            ((math.inf, 0), "The longitude inf is not between"),
            ((1, 2, 3), r"is no \(longitude, latitude\) in degrees, as in \(10.75, 59.91\)"),
            ("Oslo", "is no .longitude, latitude. in degrees"),
            ((True, False), "is no .longitude, latitude. in degrees"),
            (5, "is no .longitude, latitude. in degrees"),
        ],
    )
    def test_what_is_no_place(self, given: object, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Place.objects.create(location=given)

    def test_forms(self) -> None:
        form_class = forms.modelform_factory(Place, fields=["name", "location"])
        saved = form_class({"name": "Oslo", "location": "10.75, 59.91"}).save()
        assert saved.location == (10.75, 59.91)
        form = form_class({"name": "Oslo", "location": "10.75, 59.91"}, instance=saved)
        assert form["location"].value() == "10.75, 59.91"
        assert form_class(instance=saved)["location"].value() == "10.75, 59.91"
        assert not form.has_changed()
        errors = form_class({"name": "x", "location": "200, 5"}).errors
        assert "The longitude 200.0 is not between" in errors["location"][0]


class TestLookups:
    def test_isnull(self, cities: dict[str, Place]) -> None:
        nowhere = Place.objects.create(name="nowhere")
        assert list(Place.objects.filter(location__isnull=True)) == [nowhere]
        assert list(Place.objects.filter(location=None)) == [nowhere]
        assert Place.objects.filter(location__isnull=False).count() == 3

    def test_rows_match_by_the_distance(self, cities: dict[str, Place]) -> None:
        oslo = CITIES["Oslo"]
        matches = needed_predicate(
            Place._sonic, Condition("location__near", "near", (*oslo, 400_000.0))
        )
        assert matches is not None
        near = [name for name, at in CITIES.items() if matches({"location": at}, 1)]
        assert near == ["Oslo", "Bergen"]
        assert matches({"location": None}, 1) is False

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ((10.75, 59.91), r"write \(longitude, latitude, metres\), as in \(10.75, 59.91, 500\)"),
            ((10.75, 59.91, -1), "testapp.Place.location__near=.*write .longitude"),
            ((10.75, 59.91, "far"), "testapp.Place.location__near=.*write .longitude"),
            ((200, 59.91, 1), "The longitude 200.0 is not between"),
            (5, "testapp.Place.location__near=5: write"),
        ],
    )
    def test_bad_values(self, given: object, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Place.objects.filter(location__near=given)

    def test_lookups_that_a_place_does_not_have(self) -> None:
        message = r"testapp.Place.location is a place, which has no gt; write location__near=\(lon"
        with pytest.raises(FieldError, match=message):
            Place.objects.filter(location__gt=(1, 2))
        with pytest.raises(FieldError, match="is a place, which has no exact"):
            Place.objects.filter(location=(10.75, 59.91))
        with pytest.raises(FieldError, match="testapp.Blog.title is not a geo_field, so it has no"):
            Blog.objects.filter(title__near=(1, 2, 3))
