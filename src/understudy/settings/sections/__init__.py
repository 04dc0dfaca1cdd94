"""The tables of the settings, one module each, named like the table.

A field has its type, its bounds, its default and its meaning. Knows no file, no environment and no part that the
settings configure.
"""
