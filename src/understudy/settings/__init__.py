"""The effective settings, frozen. Read once at the edge; knows no part that they configure."""

from understudy.settings.address import is_any, is_loopback
from understudy.settings.load import Entry, Loaded, load
from understudy.settings.model import LimitSettings, ProviderSettings, RehearsalSettings, Settings
from understudy.settings.secret import secrets, shown
from understudy.settings.value import allowed

__all__ = [
    "Entry",
    "LimitSettings",
    "Loaded",
    "ProviderSettings",
    "RehearsalSettings",
    "Settings",
    "allowed",
    "is_any",
    "is_loopback",
    "load",
    "secrets",
    "shown",
]
