
import sonic_django.table.uniques
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='UniqueValue',
            fields=[
                ('key', sonic_django.table.uniques.KeyField(primary_key=True, serialize=False)),
                ('owner', models.BigIntegerField(editable=False)),
            ],
            options={
                'db_table': 'sonic_unique',
                'default_permissions': (),
            },
        ),
    ]
