"""The public objects as they travel: one module a noun, names as in the vendor's OpenAPI document.

Field order is the key order on the wire. This package imports nothing of ours.
"""
