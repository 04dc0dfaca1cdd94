"""The state of a server's parts at its start, for the banner. Reads this machine only, never waits."""

from understudy.cli.embedder_state import describe_embedder
from understudy.cli.interpreter_state import describe_interpreter
from understudy.llm.models import HOSTED_FAMILIES
from understudy.settings import ProviderSettings, Settings
from understudy.store import postgres_url

Line = tuple[str, str]
"""A label and a text."""

_MAX_NAMED = 3
_REAL_MODEL = "For a real model set OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, … or a [providers] table."


def status(
    settings: Settings, vector_problem: str | None, *, prepares: bool = False, prepares_embedder: bool = False
) -> list[Line]:
    """`vector_problem` is why the database cannot store vectors.

    `prepares` and `prepares_embedder` as of `describe_interpreter` and `describe_embedder`.
    """
    return [
        *_models(settings),
        ("Code interpreter", describe_interpreter(settings.sandbox, prepares=prepares)),
        ("File search", _describe_search(settings, vector_problem, prepares=prepares_embedder)),
        ("Database", _database(settings)),
    ]


def _models(settings: Settings) -> list[Line]:
    lines = [f"{name}: {_provider(provider)}" for name, provider in settings.providers.items()]
    if settings.rehearsal.enabled:
        lines.append("rehearsal: the embedded model, which follows fixed rules")
        if not settings.providers:
            lines.append(f"It stands in for {', '.join(f'{family}…' for family in HOSTED_FAMILIES)} and o1 to o9.")
            lines.append(_REAL_MODEL)
    first, *others = lines or [f"none. {_REAL_MODEL}"]
    return [("Models", first), *(("", line) for line in others)]


def _provider(provider: ProviderSettings) -> str:
    model_ids = [*provider.aliases, *(provider.models or ())]
    more = f" and {len(model_ids) - _MAX_NAMED} more" if len(model_ids) > _MAX_NAMED else ""
    models = f" ({', '.join(model_ids[:_MAX_NAMED])}{more})" if model_ids else ""
    return f"{provider.base_url}{models}"


def _describe_search(settings: Settings, vector_problem: str | None, *, prepares: bool) -> str:
    if vector_problem is not None:
        return f"off. {vector_problem}"
    return f"on, with {describe_embedder(settings, prepares=prepares)}"


def _database(settings: Settings) -> str:
    if settings.database is None:
        return f"SQLite in {settings.data}"
    where = postgres_url.describe(settings.database).removeprefix("the ")
    files = f"the bucket {settings.blobs.bucket!r}" if settings.blobs.kind == "s3" else str(settings.data)
    return f"{where}; files in {files}"
