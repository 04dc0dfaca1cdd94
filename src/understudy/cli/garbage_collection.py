"""The garbage collector of processes that serve or import."""

import gc


def pause_garbage_collector() -> None:
    """Pauses the collector until it is tuned: searches for garbage delay a start, whose imports make hardly any."""
    gc.disable()


def tune_garbage_collector() -> None:
    """Objects of the start live forever, and those of requests are freed by reference counting."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
