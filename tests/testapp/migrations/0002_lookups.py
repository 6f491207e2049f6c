import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('testapp', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Book',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Company',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Pinned',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Place',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Worker',
            fields=[
                ('id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('sonic_payload', models.BinaryField(db_column='data', default=b'')),
                ('is_deleted', models.BooleanField(default=False, editable=False)),
                ('sonic_version', models.BigIntegerField(db_column='version', default=0, editable=False)),
                ('sonic_dirty_at', models.DateTimeField(db_column='dirty_at', db_index=True, default=None, editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'sql',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('sql', django.db.models.manager.Manager()),
            ],
        ),
    ]
