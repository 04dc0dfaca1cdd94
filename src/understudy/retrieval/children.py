"""Child processes for work that may take all memory or never end. Knows no document."""


class Children:
    def __init__(self, limit: int, memory: int, seconds: float) -> None:
        """At most `limit` at a time, of `memory` bytes each, killed where one request takes more than `seconds`."""

    async def close(self) -> None:
        raise NotImplementedError
