"""A cascade destroys an object only while it still refers to the target."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models.signals import pre_delete

from tests.testapp.models import Author, Member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("field", ["cascades", "nulls"])
def test_an_object_that_is_given_another_target_meanwhile(field: str) -> None:
    ann, bob = Author.objects.create(username="ann"), Author.objects.create(username="bob")
    other = Member.objects.create(name="first", cascades=ann)
    member = Member.objects.create(name="moved", **{field: ann})
    outcome: list[str] = []

    def move() -> None:
        """Another process gives the member to bob."""
        try:
            moved = Member.objects.get(pk=member.pk)
            setattr(moved, field, bob)
            moved.save()
            outcome.append("moved")
        except DatabaseError:
            outcome.append("refused")
        finally:
            connection.close()

    thread = threading.Thread(target=move)

    def meanwhile(sender: Any, instance: Member, **kwargs: Any) -> None:
        if instance.pk == other.pk:
            thread.start()
            thread.join(timeout=1)

    pre_delete.connect(meanwhile, sender=Member)
    try:
        ann.destroy()
    except DatabaseError:
        outcome.append("not destroyed")
    finally:
        pre_delete.disconnect(meanwhile, sender=Member)
        thread.join()
    rows = Member._sonic.table("default").fetch([member.pk])
    if "moved" in outcome:
        assert member.pk in rows
        values = Member._sonic.values_of(rows[member.pk].payload, member.pk)
        assert values[field] == bob.pk
    else:
        assert "refused" in outcome


def test_what_the_index_says_is_not_enough() -> None:
    """The row has another target, of which the index has not heard."""
    ann, bob = Author.objects.create(username="ann"), Author.objects.create(username="bob")
    member = Member.objects.create(name="m", cascades=ann)
    table = Member._sonic.table("default")
    row = table.fetch([member.pk])[member.pk]
    values = {**Member._sonic.values_of(row.payload, row.id), "cascades": bob.pk}
    assert table.update(row.id, row.version, Member._sonic.codec.encode(values))
    ann.destroy()
    assert member.pk in table.fetch([member.pk])
