"""Geohashes: points as the 52-bit scores of a Redis geo set, and distances between points.

The arithmetic follows Redis (``geohash.c``, ``geohash_helper.c``) step by step, so a set with these
scores equals one made by GEOADD, and GEOSEARCH works on it.
"""

from __future__ import annotations

from math import asin, cos, degrees, pi, radians, sin, sqrt

#: The limits of Redis' map (EPSG:900913), in degrees.
MAX_LONGITUDE, MAX_LATITUDE = 180.0, 85.05112878
#: Redis' radius of the earth, in metres.
EARTH_RADIUS = 6372797.560856

_STEP = 26
_CELLS = 1 << _STEP


def geohash(longitude: float, latitude: float) -> float:
    """The number of the cell that contains the point; a cell is half a metre wide.

    It is a score and therefore a float: at the edge of the map it has more bits than a double has.
    """
    across = int((longitude + MAX_LONGITUDE) / (2 * MAX_LONGITUDE) * _CELLS)
    up = int((latitude + MAX_LATITUDE) / (2 * MAX_LATITUDE) * _CELLS)
    return float(_spread(up) | _spread(across) << 1)


def point_of(score: float) -> tuple[float, float]:
    """(longitude, latitude) of the middle of a cell. Redis measures distances from there."""
    number = int(score)
    across, up = _gather(number >> 1), _gather(number)
    return _middle(across, MAX_LONGITUDE), _middle(up, MAX_LATITUDE)


def _middle(cell: int, end: float) -> float:
    scale = end - -end
    low, high = -end + cell / _CELLS * scale, -end + (cell + 1) / _CELLS * scale
    return min(max((low + high) / 2, -end), end)


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points (longitude, latitude) on a sphere, by the haversine formula."""
    first, second = radians(one[1]), radians(other[1])
    v = sin((radians(other[0]) - radians(one[0])) / 2)
    u = sin((second - first) / 2)
    return 2.0 * EARTH_RADIUS * asin(min(1.0, sqrt(u * u + cos(first) * cos(second) * v * v)))


# Covering a circle ------------------------------------------------------------------------------

#: The most cells that cover a circle, before adjacent ones are merged.
_MAX_CELLS = 12
#: Bits of a cell's number in one direction: one more than _STEP, for the edge of the map.
_BITS = _STEP + 1

#: (low, high) of scores, high excluded.
ScoreRange = tuple[float, float]


def covering_ranges(longitude: float, latitude: float, metres: float) -> list[ScoreRange]:
    """Ranges of scores that contain every point within so many metres, and some points beyond."""
    found: list[tuple[int, int]] = []
    for box in _boxes(longitude, latitude, metres):
        found.extend(_covered(*box))
    merged: list[tuple[int, int]] = []
    for low, high in sorted(found):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return [(float(low), float(high)) for low, high in merged]


def _boxes(longitude: float, latitude: float, metres: float) -> list[tuple[int, int, int, int]]:
    """(first and last cell across, first and last cell up) of the boxes around the circle, with a
    margin of one cell. A circle that crosses the edge of the map has two boxes.

    See J. P. Matuschek, "Finding Points Within a Distance of a Latitude/Longitude".
    """
    angle = metres / EARTH_RADIUS
    south, north = latitude - degrees(angle), latitude + degrees(angle)
    up = _cell(south, MAX_LATITUDE) - 1, _cell(north, MAX_LATITUDE) + 1
    if angle >= pi / 2 or south <= -90 or north >= 90:
        return [(0, _CELLS, *up)]  # the circle contains a pole
    aside = degrees(asin(min(1.0, sin(angle) / cos(radians(latitude)))))
    west, east = longitude - aside, longitude + aside
    if aside >= 180:
        return [(0, _CELLS, *up)]
    boxes = [(_cell(west, MAX_LONGITUDE) - 1, _cell(east, MAX_LONGITUDE) + 1, *up)]
    if west < -MAX_LONGITUDE:
        boxes.append((_cell(west + 360, MAX_LONGITUDE) - 1, _CELLS, *up))
    if east > MAX_LONGITUDE:
        boxes.append((0, _cell(east - 360, MAX_LONGITUDE) + 1, *up))
    return boxes


def _cell(angle: float, end: float) -> int:
    return int((min(max(angle, -end), end) + end) / (2 * end) * _CELLS)


def _covered(left: int, right: int, bottom: int, top: int) -> list[tuple[int, int]]:
    """Ranges of numbers of up to ``_MAX_CELLS`` cells, as small as possible, that cover a box."""
    cells, bits = [(0, 0)], _BITS
    while bits:
        smaller = [
            (2 * across + i, 2 * up + j)
            for across, up in cells
            for i in (0, 1)
            for j in (0, 1)
            if (2 * across + i) << (bits - 1) <= right
            and (2 * across + i + 1) << (bits - 1) > left
            and (2 * up + j) << (bits - 1) <= top
            and (2 * up + j + 1) << (bits - 1) > bottom
        ]
        if len(smaller) > _MAX_CELLS:
            break
        cells, bits = smaller, bits - 1
    found = []
    for across, up in cells:
        low = (_spread(up) | _spread(across) << 1) << 2 * bits
        found.append((low, low + (1 << 2 * bits)))
    return found


#: (shift, mask): each step moves the bits of a number apart, until each has a gap after it.
_MASKS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
_AFTER = (*(mask for _, mask in reversed(_MASKS[:-1])), 0x00000000FFFFFFFF)


def _spread(number: int) -> int:
    for shift, mask in _MASKS:
        number = (number | number << shift) & mask
    return number


def _gather(number: int) -> int:
    number &= 0x5555555555555555
    for shift, mask in zip((1, 2, 4, 8, 16), _AFTER, strict=True):
        number = (number | number >> shift) & mask
    return number
