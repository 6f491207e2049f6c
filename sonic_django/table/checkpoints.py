"""Checkpoints: which state of the index each class's cleared dirty marks have relied on.

A cleared mark is forgotten: the index alone knows then that the object is in it. So the statement
that clears marks leaves a token here, and the index has got the same token before. An index that
lacks it is older than the clearing, or the database is: either was set back.
"""

from __future__ import annotations

from django.db import IntegrityError, models, transaction


class Checkpoint(models.Model):
    """The token of a class's last clearing of dirty marks."""

    label: models.CharField[str, str] = models.CharField(
        max_length=200, primary_key=True, editable=False
    )
    token: models.CharField[str, str] = models.CharField(max_length=32, editable=False)

    class Meta:
        app_label = "sonic_django"
        db_table = "sonic_checkpoint"
        default_permissions = ()


def token_of(label: str, using: str) -> str:
    """The token of the class, "" if nothing was ever cleared. One statement."""
    found = Checkpoint.objects.using(using).filter(label=label)
    return found.values_list("token", flat=True).first() or ""


def replace(label: str, using: str, former: str, token: str) -> bool:
    """Set the token if it is still the former one; whether it was. To be called in the transaction
    that clears the marks. One statement, two for the first token."""
    rows = Checkpoint.objects.using(using)
    if former:
        return bool(rows.filter(label=label, token=former).update(token=token))
    try:
        with transaction.atomic(using=using):
            rows.create(label=label, token=token)
    except IntegrityError:
        return False
    return True
