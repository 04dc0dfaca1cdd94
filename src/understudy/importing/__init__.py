"""Reads the objects of an import, from whatever format, into a spool that is sorted and bounded. Inserts nothing."""
