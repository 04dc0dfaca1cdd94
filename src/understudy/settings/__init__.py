"""The effective settings, frozen. Read once at the edge; knows no part that they configure."""

from understudy.settings.address import is_any, is_loopback
from understudy.settings.load import Entry, Loaded, load
from understudy.settings.model import (
    BlobSettings,
    EmbeddingSettings,
    LimitSettings,
    ProviderSettings,
    RehearsalSettings,
    RetrievalSettings,
    SandboxSettings,
    Settings,
)
from understudy.settings.secret import secrets, shown
from understudy.settings.value import allowed

__all__ = [
    "BlobSettings",
    "EmbeddingSettings",
    "Entry",
    "LimitSettings",
    "Loaded",
    "ProviderSettings",
    "RehearsalSettings",
    "RetrievalSettings",
    "SandboxSettings",
    "Settings",
    "allowed",
    "is_any",
    "is_loopback",
    "load",
    "secrets",
    "shown",
]
