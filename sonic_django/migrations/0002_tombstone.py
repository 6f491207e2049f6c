from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("sonic_django", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("label", models.CharField(editable=False, max_length=200)),
                ("object_id", models.BigIntegerField(editable=False)),
                ("version", models.BigIntegerField(editable=False)),
                ("dirty_at", models.DateTimeField(db_index=True, editable=False)),
            ],
            options={
                "db_table": "sonic_gone",
                "default_permissions": (),
            },
        ),
    ]
