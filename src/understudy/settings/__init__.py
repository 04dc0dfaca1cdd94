"""The effective settings, frozen. Read once at the edge; knows no part that they configure."""

from understudy.settings.address import is_any, is_loopback, is_public, is_public_url
from understudy.settings.load import EffectiveSetting, LoadedSettings, load
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
from understudy.settings.secret import list_secrets, mask_setting
from understudy.settings.value import describe_allowed

__all__ = [
    "BillingSettings",
    "BlobSettings",
    "CorsSettings",
    "EffectiveSetting",
    "EmbeddingSettings",
    "LimitSettings",
    "LoadedSettings",
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
    "describe_allowed",
    "is_any",
    "is_loopback",
    "is_public",
    "is_public_url",
    "list_secrets",
    "load",
    "mask_setting",
]
