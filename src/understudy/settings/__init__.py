"""The effective settings, frozen. Read once at the edge; knows no part that they configure."""

from understudy.settings.address import is_any, is_loopback, is_public, is_public_url, unix_path
from understudy.settings.load import EffectiveSetting, LoadedSettings, load
from understudy.settings.model import MEMORY_BROKER, Settings
from understudy.settings.secret import list_secrets, mask_setting
from understudy.settings.sections.billing import BillingSettings
from understudy.settings.sections.blobs import BlobSettings
from understudy.settings.sections.console import ConsoleSettings
from understudy.settings.sections.cors import CorsSettings
from understudy.settings.sections.embeddings import EmbeddingSettings
from understudy.settings.sections.limits import LimitSettings
from understudy.settings.sections.mcp import McpSettings
from understudy.settings.sections.metrics import MetricsSettings
from understudy.settings.sections.models import ModelSettings
from understudy.settings.sections.oidc import OidcSettings
from understudy.settings.sections.postgres import PostgresSettings
from understudy.settings.sections.providers import ProviderSettings
from understudy.settings.sections.realtime import RealtimeSettings
from understudy.settings.sections.rehearsal import RehearsalSettings
from understudy.settings.sections.responses import ResponseSettings
from understudy.settings.sections.retrieval import RetrievalSettings
from understudy.settings.sections.sandbox import SandboxSettings
from understudy.settings.sections.tracing import TracingSettings
from understudy.settings.sections.video import VideoSettings
from understudy.settings.sections.web_search import VENDOR_SEARCH_URLS, WebSearchSettings
from understudy.settings.sections.webhooks import WebhookSettings
from understudy.settings.value import describe_allowed

__all__ = [
    "MEMORY_BROKER",
    "VENDOR_SEARCH_URLS",
    "BillingSettings",
    "BlobSettings",
    "ConsoleSettings",
    "CorsSettings",
    "EffectiveSetting",
    "EmbeddingSettings",
    "LimitSettings",
    "LoadedSettings",
    "McpSettings",
    "MetricsSettings",
    "ModelSettings",
    "OidcSettings",
    "PostgresSettings",
    "ProviderSettings",
    "RealtimeSettings",
    "RehearsalSettings",
    "ResponseSettings",
    "RetrievalSettings",
    "SandboxSettings",
    "Settings",
    "TracingSettings",
    "VideoSettings",
    "WebSearchSettings",
    "WebhookSettings",
    "describe_allowed",
    "is_any",
    "is_loopback",
    "is_public",
    "is_public_url",
    "list_secrets",
    "load",
    "mask_setting",
    "unix_path",
]
