"""The contenders must give equal answers: a quick wrong answer wins no comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .contenders.base import Contender
from .operations import Operation

_SHOWN = 600


class DisagreementError(Exception):
    """Two contenders gave different answers, or stored different posts."""


def agree(operation: Operation, parameter: Any, answers: Mapping[str, Any]) -> None:
    """Raise DisagreementError, which names all of it, unless the answers are equal."""
    (first, expected), *others = answers.items()
    for name, answer in others:
        if answer != expected:
            raise DisagreementError(
                f"Different results of {operation.name} ({operation.label}), asked with "
                f"{_short(parameter)}:\n"
                f"  {first}: {_short(expected)}\n"
                f"  {name}: {_short(answer)}"
            )


def same_stored(operation: Operation, parameter: Any, contenders: Sequence[Contender]) -> None:
    """After a write: the posts that it changed are the same in all contenders."""
    if operation.changed is None:
        return
    for number in operation.changed(parameter):
        found = {}
        for contender in contenders:
            stored = contender.describe(number)
            if stored is not None and not operation.with_tags:
                stored = stored._replace(tags=())
            found[contender.name] = stored
        agree(operation, parameter, found)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
