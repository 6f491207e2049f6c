"""Promise 8: queries run on a Redis replica, which takes no write."""

from __future__ import annotations

import pytest
from django.db.models import Count, Max, Q
from redis import Redis
from redis.exceptions import NoPermissionError, ReadOnlyError

from tests.servers import PrivateRedis
from tests.testapp.kinds import Place
from tests.testapp.models import Plain

#: Reading, and running scripts, in which Redis holds the user to the same rights.
RIGHTS = ("~*", "-@all", "+@read", "+@connection", "+eval", "+evalsha", "+script|load")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("user", ["default", "reader"])
def test_every_kind_of_question_is_answered_by_a_replica(
    private_redis: PrivateRedis, settings, user: str
) -> None:
    sonic = {**settings.CACHES["sonic"], "LOCATION": private_redis.url}
    settings.CACHES = {**settings.CACHES, "sonic": sonic}
    Plain.objects.bulk_create([Plain(name=f"n{i}", group="g", number=i) for i in range(30)])
    Place.objects.create(name="Oslo", location=(10.75, 59.91))
    redis = Redis.from_url(private_redis.url)
    # Of a primary that is not there: it keeps its data, answers, and refuses to write.
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(ReadOnlyError):
        redis.set("x", "y")
    if user == "reader":
        redis.execute_command("ACL", "SETUSER", user, "on", ">secret", *RIGHTS)
        url = private_redis.url.replace("unix://", "unix://reader:secret@")
        settings.CACHES = {**settings.CACHES, "sonic": {**sonic, "LOCATION": url}}
        with pytest.raises(NoPermissionError):
            Redis.from_url(url).flushall()
    found = Plain.objects.filter(group="g")
    assert found.count() == 30
    assert found.exists()
    assert found.order_by("number")[10:12].ids() == [found.get(name=f"n{i}").id for i in (10, 11)]
    assert found.exclude(name__startswith="n1").count() == 19
    assert len(list(Plain.objects.filter(Q(name="n1") | Q(name="n2")))) == 2
    assert len(found.random(5)) == 5
    assert Plain.objects.facet("group") == [("g", 30)]
    assert found.facet("group") == [("g", 30)]
    assert Plain.objects.order_by("name")[:3].explain().strategy == "page"
    assert Place.objects.filter(location__near=(10, 59, 200_000)).count() == 1
    assert len(list(found.iterator(chunk_size=7))) == 30
    assert len(list(found.order_by("number").iterator(chunk_size=7))) == 30
    assert found.counts([Q(name="n1"), Q()]) == [1, 30]
    assert found.aggregate(Count("pk"), Max("number")) == {"pk__count": 30, "number__max": 29}
    assert list(found.facets(["name", "group"], limit=1)) == ["name", "group"]
    assert Plain.objects.with_deleted().count() == 30
