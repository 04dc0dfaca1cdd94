"""A question as the words worth searching for. Knows no index."""


def rewrite(query: str) -> str:
    """The query without politeness and question words; itself where nothing else would be left."""
    raise NotImplementedError
