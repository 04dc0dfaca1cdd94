"""The embedded model: deterministic, without key, download or network. `replies` decides, `model` is the provider."""

from understudy.llm.rehearsal.model import Rehearsal

__all__ = ["Rehearsal"]
