"""Registry of open streams and long polls, which end at a shutdown or when their key is revoked.

Requests that wait for a model end with their key as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from understudy.errors import ApiError, Unauthenticated, Unavailable

_STREAM_STOPPED: Final = "The server is stopping and cannot finish this stream. Try again in a moment."
_REQUEST_STOPPED: Final = "The server is stopping and cannot finish this request. Try again in a moment."
_REVOKED_MESSAGE: Final = "The API key of this request was revoked while it was answered."

FindActiveKeys = Callable[[Sequence[str]], Awaitable[set[str]]]
"""Maps key ids to the ids that are not revoked."""


class OpenStreams:
    """The tasks that send streams or serve long polls, and those that wait for a model, with their keys."""

    def __init__(self) -> None:
        self._keys: dict[asyncio.Task[Any], str] = {}
        self._requests: dict[asyncio.Task[Any], str] = {}
        self._errors: dict[asyncio.Task[Any], ApiError] = {}
        self._is_finishing = self._is_finished = False

    def count(self) -> int:
        """How many streams and long polls are open."""
        return len(self._keys)

    def track(self, task: "asyncio.Task[Any]", key_id: str) -> "_Tracking":
        """A context in which the task is registered, and cancelled if it has to end; see `error_of`.

        `key_id` is empty for unauthenticated requests.
        """
        return _Tracking(self, task, key_id)

    def add(self, task: "asyncio.Task[Any]", key_id: str) -> bool:
        """Registers the task; False if it is registered already."""
        if task in self._keys:
            return False
        self._keys[task] = key_id
        if self._is_finished:
            # Once the task has begun, so that it can send its error.
            asyncio.get_running_loop().call_soon(self._cancel, task, _stopped(_STREAM_STOPPED))
        return True

    def remove(self, task: "asyncio.Task[Any]") -> None:
        del self._keys[task]
        if task not in self._requests:  # which is not to be cancelled again while it sends its error
            self._errors.pop(task, None)

    def add_request(self, key_id: str) -> None:
        """Registers the current task, which calls a model, until `remove_request`."""
        task = asyncio.current_task()
        assert task is not None
        self._requests[task] = key_id

    def finish_request(self) -> None:
        """Called when the model of the current task has answered: a revoked key ends it no more, unless it does now."""
        task = asyncio.current_task()
        assert task is not None
        if task not in self._errors:
            self._requests.pop(task, None)

    def remove_request(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._requests.pop(task, None)
        self._errors.pop(task, None)

    @contextmanager
    def waiting(self, key_id: str) -> Iterator[None]:
        """Wraps a long poll. Raises Unavailable at a shutdown, Unauthenticated when the key is revoked."""
        task = asyncio.current_task()
        assert task is not None
        with self.track(task, key_id):
            try:
                yield
            except asyncio.CancelledError:
                error = self.error_of(task)
                if error is None:
                    raise
                raise error from None

    def error_of(self, task: "asyncio.Task[Any] | None") -> ApiError | None:
        """The client's error for a cancelled task, whose cancellation it clears; None for any other cancellation."""
        error = self._errors.get(task) if task is not None else None
        if task is not None and error is not None:
            task.uncancel()
        return error

    async def finish(self, seconds: float) -> None:
        """Waits up to `seconds` for the streams to end, then ends them with an error event, and later ones at once."""
        self._is_finishing = True
        deadline = asyncio.get_running_loop().time() + seconds
        while self._keys and (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._keys), timeout=remaining)
        self._is_finished = True
        for task in list(self._keys):
            self._cancel(task, _stopped(_STREAM_STOPPED))

    def stop_request(self) -> ApiError | None:
        """The client's error for the current task, whose cancellation it clears; None unless a shutdown or the
        revocation of its key has cancelled it."""
        task = asyncio.current_task()
        if (error := self.error_of(task)) is not None:
            return error
        if task is None or not self._is_finishing or not task.cancelling():
            return None
        task.uncancel()
        return _stopped(_REQUEST_STOPPED)

    async def end_revoked(self, find_active: FindActiveKeys) -> None:
        """Ends the streams and requests of revoked keys. Runs one query, or none without open ones."""
        owners = {**self._requests, **self._keys}
        key_ids = {key_id for key_id in owners.values() if key_id}
        if not key_ids:
            return
        revoked = key_ids - await find_active(sorted(key_ids))
        for task in [task for task, key_id in owners.items() if key_id in revoked]:
            self._cancel(task, Unauthenticated(_REVOKED_MESSAGE, code="invalid_api_key"))

    def _cancel(self, task: "asyncio.Task[Any]", error: ApiError) -> None:
        if (task in self._keys or task in self._requests) and task not in self._errors:
            self._errors[task] = error
            task.cancel()


class _Tracking:
    """A class, as a generator with `contextmanager` takes three times as long."""

    __slots__ = ("_is_added", "_key_id", "_streams", "_task")

    def __init__(self, streams: OpenStreams, task: "asyncio.Task[Any]", key_id: str) -> None:
        self._streams = streams
        self._task = task
        self._key_id = key_id
        self._is_added = False

    def __enter__(self) -> None:
        self._is_added = self._streams.add(self._task, self._key_id)

    def __exit__(self, *_: object) -> None:
        if self._is_added:
            self._streams.remove(self._task)


def _stopped(message: str) -> Unavailable:
    return Unavailable(message, headers={"retry-after": "1"})
