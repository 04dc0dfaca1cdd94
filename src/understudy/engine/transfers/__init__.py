"""Imports, exports and deletions of a project's objects."""
