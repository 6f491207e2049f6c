"""The comparison of rows with the index, the full text and the unique claims."""
