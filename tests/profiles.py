"""How much hypothesis tries: a minute in all by default, far more with SONIC_HYPOTHESIS=nightly.

A failure says how to run it again; with SONIC_HYPOTHESIS_SHRINK=1 it is made small first.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_NIGHTLY_FACTOR = 80
_IS_NIGHTLY = os.environ.get("SONIC_HYPOTHESIS") == "nightly"
_SHRINKS = bool(os.environ.get("SONIC_HYPOTHESIS_SHRINK"))

settings.register_profile(
    "sonic",
    deadline=None,
    print_blob=True,  # a failure says how to run it again
    # The same questions each time by default, so that a change is measured by its own effect;
    # the nightly run asks new ones.
    derandomize=not _IS_NIGHTLY,
    database=None,
    # Making a failure as small as can be takes up to five minutes: for who looks into one.
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if _SHRINKS else [])],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("sonic")


def examples(number: int) -> settings:
    """``@examples(100)``: so many by default, 80 times as many nightly."""
    return settings(max_examples=number * (_NIGHTLY_FACTOR if _IS_NIGHTLY else 1))
