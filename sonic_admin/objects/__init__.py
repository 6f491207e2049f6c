"""Single objects: the form, deletion, the trash."""
