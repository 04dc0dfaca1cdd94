"""The embedded model: deterministic, without key, download or network; for trying things out and for tests.

`model` is the provider; `answer` decides what is said, `completion` writes it as chat completions. The other modules
each know one thing: the conversation, words, arithmetic, values in text, JSON schemas.
"""

from understudy.llm.rehearsal.model import Rehearsal

__all__ = ["Rehearsal"]
