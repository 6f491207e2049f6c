"""``near``: objects within a distance, the nearest first, against Python's haversine."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.index import queries
from sonic_django.index.geohash import covering_ranges, distance, geohash, point_of
from sonic_django.test import count_redis_calls
from sonic_django.transport.client import redis_client
from tests.profiles import examples
from tests.testapp.kinds import Place

pytestmark = pytest.mark.django_db

LONGITUDES = st.floats(-180, 180) | st.sampled_from([-180.0, 180.0, 179.9999, -179.9999, 0.0])
LATITUDES = st.floats(-85.05, 85.05) | st.sampled_from([85.05112878, -85.05112878, 0.0, 85.0])
placeS = st.tuples(LONGITUDES, LATITUDES)
METRES = st.one_of(st.floats(0, 1000), st.floats(0, 3e6), st.sampled_from([0.0, 1e7, 2.1e7]))


def metres_from(centre: tuple[float, float], place: tuple[float, float]) -> float:
    """As Redis measures: from the middle of the cell."""
    return distance(centre, point_of(geohash(*place)))


@given(placeS, METRES, st.lists(placeS, max_size=20))
def test_the_ranges_cover_the_circle(centre, metres, places) -> None:
    found = covering_ranges(*centre, metres)
    assert len(found) <= 36
    for place in [centre, *places]:
        score = geohash(*place)
        if metres_from(centre, place) <= metres:
            assert any(low <= score < high for low, high in found)


def test_near_by_they_are_small() -> None:
    """A kilometre is covered by cells of some kilometres, not by half the world."""
    covered = sum(high - low for low, high in covering_ranges(10.75, 59.91, 1000))
    assert covered / 2**52 < 1e-6


@examples(60)
@given(st.data())
def test_against_python(data: st.DataObject) -> None:
    Place.objects.all().destroy()
    centre, metres = data.draw(placeS), data.draw(METRES)
    places = data.draw(st.lists(st.none() | placeS, max_size=10))
    beside = data.draw(
        st.lists(st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), max_size=5)
    )
    for east, north in beside:
        at = centre[0] + east, centre[1] + north
        if abs(at[0]) <= 180 and abs(at[1]) <= 85.05:
            places.append(at)
    objects = Place.objects.bulk_create(
        [Place(name=str(n % 2), location=place) for n, place in enumerate(places)]
    )
    found = [
        (metres_from(centre, obj.location), obj.id) for obj in objects if obj.location is not None
    ]
    expected = [id for far, id in sorted(found) if far <= metres]
    usual = queries.BUDGET
    queries.BUDGET = data.draw(st.sampled_from([3000, 1, 5]))
    try:
        near = Place.objects.filter(location__near=(*centre, metres))
        assert near.ids() == expected
        assert [obj.id for obj in near] == expected
        assert near.count() == len(expected)
        assert near.reverse().ids() == expected[::-1]
        assert near[1:3].ids() == expected[1:3]
        assert near.order_by("pk").ids() == sorted(expected)
        far = Place.objects.exclude(location__near=(*centre, metres))
        assert set(far.ids()) == {obj.id for obj in objects} - set(expected)
        named = near.filter(name="1")
        names = {obj.id: obj.name for obj in objects}
        assert named.ids() == [id for id in expected if names[id] == "1"]
    finally:
        queries.BUDGET = usual


@pytest.fixture
def many() -> list[Place]:
    chance = random.Random(1)
    return Place.objects.bulk_create(
        [
            Place(name="x", location=(chance.uniform(-180, 180), chance.uniform(-80, 80)))
            for _ in range(2000)
        ]
    )


def test_redis_itself_says_the_same(many: list[Place]) -> None:
    (spec,) = [s for n, s in Place._sonic.indexes.items() if n == "location"]
    key = f"{Place._sonic.store('default').base}:{spec.digest}"
    for metres in (200_000, 1_000_000):
        members = redis_client().geosearch(
            key, longitude=10.0, latitude=50.0, radius=metres, unit="m", sort="ASC"
        )
        assert Place.objects.filter(location__near=(10.0, 50.0, metres)).ids() == [
            int(member[1:]) for member in members
        ]


def test_it_costs_one_call_and_looks_at_what_is_there(many: list[Place]) -> None:
    near = Place.objects.filter(location__near=(10.0, 50.0, 500_000))
    with count_redis_calls() as calls:
        found = list(near[:5])
    assert len(calls) == 1
    assert 0 < len(found) <= 5
    assert near.explain().touched < 2000 / 10
