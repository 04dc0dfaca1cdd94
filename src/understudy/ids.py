"""Identifiers in the shapes that the hosted API gives them (a prefix and a random tail). Knows no object."""

import secrets
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_TAIL = 24


def _tail(length: int) -> str:
    # One draw of random bytes a call; 64 symbols folded onto 62 would be biased, so two are rejected.
    tail = ""
    while len(tail) < length:
        for byte in secrets.token_bytes(length + 8):
            index = byte & 63
            if index < len(_ALPHANUMERIC):
                tail += _ALPHANUMERIC[index]
    return tail[:length]


def assistant() -> str:
    return "asst_" + _tail(_TAIL)


def thread() -> str:
    return "thread_" + _tail(_TAIL)


def message() -> str:
    return "msg_" + _tail(_TAIL)


def run() -> str:
    return "run_" + _tail(_TAIL)


def step() -> str:
    return "step_" + _tail(_TAIL)


def tool_call() -> str:
    return "call_" + _tail(_TAIL)


def chat_completion() -> str:
    return "chatcmpl-" + _tail(29)


def request() -> str:
    return "req_" + secrets.token_hex(16)


def function_call_item() -> str:
    return "fc_" + secrets.token_hex(25)


def function_call_output_item() -> str:
    return "fco_" + secrets.token_hex(24)


def project() -> str:
    return "proj_" + _tail(_TAIL)


def api_key() -> str:
    """A secret of 256 random bits, in the shape `sk-understudy-<43 url-safe characters>`."""
    return "sk-understudy-" + secrets.token_urlsafe(32)
