from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("sonic_django", "0002_tombstone"),
    ]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "label",
                    models.CharField(
                        editable=False, max_length=200, primary_key=True, serialize=False
                    ),
                ),
                ("token", models.CharField(editable=False, max_length=32)),
            ],
            options={
                "db_table": "sonic_checkpoint",
                "default_permissions": (),
            },
        ),
    ]
