"""The state of the embedder of vector stores at a start. Reads files only."""

from understudy.retrieval import semantic
from understudy.retrieval.embed import BUILTIN, MINILM
from understudy.settings import Settings
from understudy.settings.sections.embeddings import AUTO


def describe_embedder(settings: Settings) -> str:
    """The embedder in a few words, and what would make search better."""
    model = settings.embeddings.model
    if model not in {AUTO, MINILM}:
        return f"the embedder {model!r}"
    if semantic.is_installed():
        return f"the embedder {MINILM!r}"
    return f"the embedder {BUILTIN!r}. To find passages by meaning: pip install 'understudy[embed]'"
