"""Realtime sessions: relays the events of a client and of a provider, and charges what the provider reports."""
