import pytest
from tests.testapp.models import Plain

@pytest.mark.django_db
def test_x():
    Plain(name="a", number=3).save()
    assert Plain.objects.count() == 1
