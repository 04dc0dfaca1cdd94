"""The garbage collector of processes that serve or import."""

import gc


def tune_garbage_collector() -> None:
    """Objects of the start live forever, and those of requests are freed by reference counting."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
