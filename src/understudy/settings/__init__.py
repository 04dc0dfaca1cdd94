"""The effective settings, frozen. Read once at the edge; knows no part that they configure."""

from understudy.settings.address import is_any, is_loopback, is_public, is_public_url
from understudy.settings.load import Entry, Loaded, load
from understudy.settings.model import (
    BillingSettings,
    BlobSettings,
    CorsSettings,
    EmbeddingSettings,
    LimitSettings,
    McpSettings,
    ModelSettings,
    ProviderSettings,
    RehearsalSettings,
    ResponseSettings,
    RetrievalSettings,
    SandboxSettings,
    Settings,
    VideoSettings,
    WebhookSettings,
)
from understudy.settings.secret import secrets, shown
from understudy.settings.value import allowed

__all__ = [
    "BillingSettings",
    "BlobSettings",
    "CorsSettings",
    "EmbeddingSettings",
    "Entry",
    "LimitSettings",
    "Loaded",
    "McpSettings",
    "ModelSettings",
    "ProviderSettings",
    "RehearsalSettings",
    "ResponseSettings",
    "RetrievalSettings",
    "SandboxSettings",
    "Settings",
    "VideoSettings",
    "WebhookSettings",
    "allowed",
    "is_any",
    "is_loopback",
    "is_public",
    "is_public_url",
    "load",
    "secrets",
    "shown",
]
