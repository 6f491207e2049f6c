"""Full text behind Haystack: the generated indexes, the queue, and the engine for Xapian."""
