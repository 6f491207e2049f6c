"""The pages of one object: forms, deletion and the trash."""
