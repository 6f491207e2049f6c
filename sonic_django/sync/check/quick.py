"""Comparing the stores of a class: first by digests of a thousand ids each, which moves no rows."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from ...index.inspection import Inspection
from ...index.layout import IDS_DIGEST
from ...table.digests import digests, includes, range_bounds, versions_between
from ..damage import dropped_keys, is_of_contents
from ..left_out import left_out
from ..rebuild import rebuild
from ..testcase_rollbacks import undo_rollbacks
from .claims import ClaimsCheck
from .deep import DeepCheck
from .recheck import differing, recheck_versions
from .repairs import Repairs
from .report import CheckResult, Drift

if TYPE_CHECKING:
    from ...index.inspection import RecordedVersion
    from ...schema.schema import Stores

#: Called with (rows done, rows in all).
Progress = Callable[[int, int], None]

#: Ranges whose objects are compared before it is waited for those that differ.
_RANGES_AT_ONCE = 200


def check(
    stores: Stores,
    *,
    deep: bool = False,
    repair: bool = False,
    progress: Progress | None = None,
    claims: bool = True,
) -> CheckResult:
    """Compare the index, and if ``deep`` everything, with the rows of the class.

    Without ``deep`` versions are compared: one statement and a round trip or two for 200,000 rows
    where nothing differs, and three round trips and a statement for each thousand ids that differ.
    ``deep`` reads every row and every entry. With ``repair`` what differs is repaired. Writers may
    be at work; what differs is drift only if it still does after ``SONIC["GRACE"]`` seconds.

    For a class with uniques all claims of its database are looked at, whichever class they are of,
    unless ``claims`` is False.
    """
    stores.schema.raise_problems()
    undo_rollbacks(stores.using)
    damaged: list[Drift] = []
    try:
        if deep:
            damaged = _wrong_keys(stores)
        if not damaged:
            return _checked(stores, deep, repair, progress, claims)
    except ResponseError as error:
        if not is_of_contents(error):
            raise
        damaged = _wrong_keys(stores) or [Drift("key", None, str(error))]
    return _check_damaged(stores, damaged, deep, repair, progress, claims)


def _wrong_keys(stores: Stores) -> list[Drift]:
    return [
        Drift("key", None, f"{name.decode('utf-8', 'backslashreplace')} is a {kind}")
        for name, kind in stores.index.wrong_keys()
    ]


def _check_damaged(
    stores: Stores,
    damaged: list[Drift],
    deep: bool,
    repair: bool,
    progress: Progress | None,
    claims: bool,
) -> CheckResult:
    """The result for an index whose keys are damaged. A repair builds the index again, which alone
    tells what was in them, and then compares."""
    if repair:
        dropped_keys(stores)
        rebuild(stores)
        result = _checked(stores, deep, repair, progress, claims)
    else:
        result = CheckResult(stores.schema.label, stores.using, deep)
        result.rows = stores.table.count()
    for drift in damaged:
        result.add(drift, repaired=repair)
    return result


def _checked(
    stores: Stores, deep: bool, repair: bool, progress: Progress | None, claims: bool
) -> CheckResult:
    result = CheckResult(stores.schema.label, stores.using, deep)
    built = _built(stores, result)
    inspection = Inspection(stores.index, built)
    repairs = Repairs(stores, inspection, result, enabled=repair)
    reported: set[bytes] = set()
    if deep:
        deep_check = DeepCheck(stores, inspection, repairs, IDS_DIGEST in built)
        deep_check.run(progress)
        reported = deep_check.uniques.held_wrongly
    elif IDS_DIGEST in built:
        QuickCheck(stores, inspection, repairs).run(progress)
    else:
        result.rows = stores.table.count()
    if claims and stores.schema.uniques:
        check_of_claims = ClaimsCheck(stores.using, deep=deep, repairs=repair)
        for drift, repaired in check_of_claims.run(reported):
            result.add(drift, repaired=repaired)
    _check_left_out(stores, repairs)
    return result


def _check_left_out(stores: Stores, repairs: Repairs) -> None:
    """Name the rows that no document can be made of, and index those that one can be made of by
    now. A deep check has named the former. One round trip where there are none."""
    named = {drift.id for drift in repairs.result.drifts}
    for found in left_out(stores):
        for id, reason in found.reasons.items():
            if not repairs.result.deep and id not in named:
                repairs.result.add(Drift("payload", id, reason))
        differing = repairs.inspection.compare(found.documents)
        repairs.objects(
            Drift("record", one.id, "it was left out of the index, and can be indexed by now")
            for one in differing
        )
        if repairs.enabled:
            stores.index.forget_left_out(found.done)


def _built(stores: Stores, result: CheckResult) -> set[str]:
    """The digests of the indexes that can be compared; those that cannot are a drift each."""
    schema = stores.schema
    built: set[str] = stores.index.built()
    if IDS_DIGEST not in built and stores.table.is_empty():
        return set(schema.layout.digests)  # it counts as built when it is first met
    names = {IDS_DIGEST: "the set of all objects"}
    names.update((spec.digest, f"the index {name}") for name, spec in schema.indexes.items())
    for digest, name in names.items():
        if digest not in built:
            result.add(
                Drift(
                    "not built",
                    None,
                    f"{name}. Run: python manage.py sonic_reindex {stores.schema.label}",
                )
            )
    return built


class QuickCheck:
    """Compare digests, and of the ranges that differ the versions of their objects."""

    def __init__(self, stores: Stores, inspection: Inspection, repairs: Repairs) -> None:
        self.table = stores.table
        self.store = stores.index
        self.inspection = inspection
        self.repairs = repairs
        self.result = repairs.result

    def run(self, progress: Progress | None) -> None:
        total = self.table.count() if progress else 0
        with_rows = array("q")
        for batch in digests(self.table):
            ranges = [one.range for one in batch]
            kept = self.inspection.stored_digests(ranges)
            self._look_into(
                one.range for one, digest in zip(batch, kept, strict=True) if one.digest != digest
            )
            with_rows.extend(ranges)
            self.result.rows += sum(one.rows for one in batch)
            if progress:
                progress(self.result.rows, max(total, self.result.rows))
        self.result.ranges += len(with_rows)
        # The other way round: what the index has where there are no rows.
        self._look_into(one for one in self.inspection.ranges() if not includes(with_rows, one))

    def _look_into(self, ranges: Iterable[int]) -> None:
        for some in _pieces(ranges, _RANGES_AT_ONCE):
            self.result.differing += len(some)
            suspects: dict[int, int | None] = {}
            for one in some:
                suspects.update(self._differing_versions(*range_bounds(one)))
            drifts = recheck_versions(self.table, self.inspection, suspects)
            self.repairs.objects(drifts.values())
            self.repairs.digests(some)

    def _differing_versions(self, low: int, high: int) -> dict[int, int | None]:
        rows = versions_between(self.table, low, high)
        recorded: dict[int, RecordedVersion | tuple[int, bool]] = {}
        for _, some in self.store.records(low, high):
            recorded.update(some)
        return differing(rows, recorded)


def _pieces(numbers: Iterable[int], size: int) -> Iterator[Sequence[int]]:
    iterator = iter(numbers)
    while some := list(islice(iterator, size)):
        yield some


__all__ = ["CheckResult", "Progress", "check"]
