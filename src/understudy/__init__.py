"""Understudy: the Assistants API and the AI/ML API on your own machine."""

from importlib.metadata import version

__version__ = version("understudy")
