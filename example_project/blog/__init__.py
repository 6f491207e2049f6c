"""Authors and their blog posts: the classic first example."""
