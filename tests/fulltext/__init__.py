"""Full text: the Haystack engine on a real Xapian."""
