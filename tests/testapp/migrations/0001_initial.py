
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Author',
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
            name='Blog',
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
            name='Described',
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
            name='Everything',
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
            name='Member',
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
            name='Pair',
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
            name='Plain',
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
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(default='')),
                ('blog', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='testapp.blog')),
                ('seen_by', models.ManyToManyField(related_name='seen_comments', to='testapp.author')),
            ],
        ),
    ]
