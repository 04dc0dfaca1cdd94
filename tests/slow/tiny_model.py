"""Writes a language model of a few kilobytes with random weights, as a GGUF file that llama.cpp serves.

What it says is noise; how it says it is real: tokens of a real vocabulary, sampling, streaming, usage, grammars.
"""

import gguf
import numpy as np

_END = 2
_HALVES = range(3 + 0x80, 3 + 0x100)
_CONTEXT, _WIDTH, _LAYERS, _HEADS, _INNER = 4096, 64, 2, 4, 128
_WORDS = ("▁the", "▁a", "▁of", "▁and", "▁is", "▁to", "▁in", "ing", "er", "on", "▁we", "▁run")


def write_tiny_model(path, seed=7):
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    tokens, scores, kinds = _vocabulary()
    writer.add_name("tiny")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(_END)
    writer.add_unk_token_id(0)
    for name, shape in _shapes(len(tokens)):
        norm = name.endswith("norm.weight")
        tensor = np.ones(shape) if norm else random.normal(0, 0.08, shape)
        if name == "output.weight":
            # Never the likeliest tokens: it speaks on to its budget, and no character stays half said.
            tensor[[_END, *_HALVES]] = 0
        writer.add_tensor(name, tensor.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary():
    """Control tokens, one token a byte, printable characters and some words, as SentencePiece has them."""
    control, byte, normal = gguf.TokenType.CONTROL, gguf.TokenType.BYTE, gguf.TokenType.NORMAL
    pieces = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", control), ("</s>", control)]
    pieces += [(f"<0x{value:02X}>", byte) for value in range(256)]
    pieces += [(chr(value), normal) for value in range(33, 127)]
    pieces += [("▁", normal), *((word, normal) for word in _WORDS)]
    tokens = [text.encode() for text, _ in pieces]
    return tokens, [-float(index) for index in range(len(tokens))], [kind for _, kind in pieces]


def _shapes(vocabulary):
    yield "token_embd.weight", (vocabulary, _WIDTH)
    for layer in range(_LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{part}.weight", (_WIDTH, _WIDTH)
        yield f"blk.{layer}.attn_norm.weight", (_WIDTH,)
        yield f"blk.{layer}.ffn_norm.weight", (_WIDTH,)
        yield f"blk.{layer}.ffn_gate.weight", (_INNER, _WIDTH)
        yield f"blk.{layer}.ffn_up.weight", (_INNER, _WIDTH)
        yield f"blk.{layer}.ffn_down.weight", (_WIDTH, _INNER)
    yield "output_norm.weight", (_WIDTH,)
    yield "output.weight", (vocabulary, _WIDTH)
