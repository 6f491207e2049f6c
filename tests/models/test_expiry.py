"""``expire_after``, and the replacement of a whole set of objects."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sonic_django import SonicObj
from sonic_django.persistence.expiry import expire
from sonic_django.sync.sweep import sweep
from tests.testapp.lookups import Session
from tests.testapp.models import Author, Plain

pytestmark = pytest.mark.django_db(transaction=True)


def let_pass(session: Session, time: timedelta) -> None:
    """As if it had been saved so long ago."""
    moment = timezone.now() - time + Session.expire_after
    Session.objects.filter(pk=session.pk).update(expires_at=moment)
    session.reload()


class TestExpiry:
    def test_a_save_gives_the_time_of_the_end(self) -> None:
        before = timezone.now()
        session = Session.objects.create(token="a")
        assert before <= session.expires_at - Session.expire_after <= timezone.now()
        (made,) = Session.objects.bulk_create([Session(token="b")])
        assert made.expires_at > before + Session.expire_after

    def test_a_later_save_gives_more_time(self) -> None:
        session = Session.objects.create(token="a")
        let_pass(session, timedelta(minutes=59))
        session.visits += 1
        session.save()
        assert session.expires_at > timezone.now() + timedelta(minutes=59)

    def test_the_sweep_destroys_what_has_passed_it(self) -> None:
        old, young = Session.objects.create(token="old"), Session.objects.create(token="young")
        let_pass(old, timedelta(minutes=61))
        let_pass(young, timedelta(minutes=59))
        assert sweep(Session._sonic.at("default")).expired == 1
        assert list(Session.objects.all()) == [young]
        assert Session.sql.count() == 1

    def test_no_more_than_the_limit(self) -> None:
        for number in range(5):
            let_pass(Session.objects.create(token=str(number)), timedelta(hours=2, seconds=number))
        assert expire(Session._sonic.at("default"), limit=2) == 2
        assert sorted(s.token for s in Session.objects.all()) == ["0", "1", "2"], "the oldest went"

    def test_it_can_be_asked_for(self) -> None:
        session = Session.objects.create(token="a")
        assert Session.objects.filter(expires_at__gt=timezone.now()).ids() == [session.pk]

    def test_other_classes_have_none(self) -> None:
        Plain.objects.create(name="x")
        assert sweep(Plain._sonic.at("default")).expired == 0
        assert "expires_at" not in Plain._sonic.fields

    @pytest.mark.parametrize("wrong", [30, timedelta(), timedelta(days=-1)])
    def test_a_wrong_value(self, wrong: object) -> None:
        with pytest.raises(TypeError, match="Wrong.expire_after is .*; it must be a timedelta"):
            type(
                "Wrong",
                (SonicObj,),
                {"__module__": __name__, "expire_after": wrong},
            )


class TestReplaceAll:
    def test_the_new_ones_are_in_place_of_all(self) -> None:
        Author.objects.create(username="ann", intro="sailing")
        Author.objects.create(username="bob").delete()
        new = Author.replace_all([Author(username="ann", intro="rowing"), Author(username="cid")])
        assert sorted(a.username for a in Author.objects.all()) == ["ann", "cid"]
        assert Author.sql.count() == 2
        assert [found.pk for found in Author.search("rowing")] == [new[0].pk]
        assert Author.search("sailing") == []

    def test_if_one_cannot_be_saved_the_old_ones_stay(self) -> None:
        old = Author.objects.create(username="ann")
        with pytest.raises(Exception, match="already another testapp.Author with username='x'"):
            Author.replace_all([Author(username="x"), Author(username="x")])
        assert list(Author.objects.all()) == [old]
        assert Author.objects.get(username="ann") == old
