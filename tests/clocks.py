"""A clock that stands until a test moves it."""


class StillClock:
    """`time` is that of the wall and of waits, in seconds."""

    def __init__(self, time: float = 1_700_000_000.0) -> None:
        self.time = time

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time
