"""Promise 8: queries run on a Redis replica, which takes no write."""

from __future__ import annotations

import pytest
from django.db.models import Q
from redis import Redis
from redis.exceptions import ReadOnlyError

from tests.servers import PrivateRedis
from tests.testapp.models import Plain


@pytest.mark.django_db(transaction=True)
def test_every_kind_of_question_is_answered_by_a_replica(
    private_redis: PrivateRedis, settings
) -> None:
    sonic = {**settings.CACHES["sonic"], "LOCATION": private_redis.url}
    settings.CACHES = {**settings.CACHES, "sonic": sonic}
    Plain.objects.bulk_create([Plain(name=f"n{i}", group="g", number=i) for i in range(30)])
    redis = Redis.from_url(private_redis.url)
    # Of a primary that is not there: it keeps its data, answers, and refuses to write.
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(ReadOnlyError):
        redis.set("x", "y")
    found = Plain.objects.filter(group="g")
    assert found.count() == 30
    assert found.exists()
    assert found.order_by("number")[10:12].ids() == [found.get(name=f"n{i}").id for i in (10, 11)]
    assert found.exclude(name__startswith="n1").count() == 19
    assert len(list(Plain.objects.filter(Q(name="n1") | Q(name="n2")))) == 2
    assert len(found.random(5)) == 5
    assert Plain.objects.facet("group") == [("g", 30)]
    assert len(list(found.iterator(chunk_size=7))) == 30
