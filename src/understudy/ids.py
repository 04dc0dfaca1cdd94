"""Identifiers in the shapes that the hosted API gives them (a prefix and a tail). Knows no object.

The tail of a stored object begins with the time, in characters that sort, so that the rows of one moment lie together
in every index; the 16 characters after it are random (95 bits). What must not be guessed is random as a whole.
"""

import base64
import os
import secrets
import string
import time
import uuid
from functools import lru_cache
from typing import Final

_ALPHANUMERIC = string.digits + string.ascii_uppercase + string.ascii_lowercase
_URL_SAFE = _ALPHANUMERIC + "-_"
_TAIL_LENGTH = 24
_RANDOM_LENGTH = 16
_TICK_NS = 100_000
# Tables for `bytes.translate`: a symbol for each byte. 64 symbols folded onto 62 would be biased, so the bytes of the
# last two are deleted.
_SYMBOLS = _URL_SAFE.encode() * 4
_REJECTED = bytes(byte for byte in range(256) if byte & 63 >= len(_ALPHANUMERIC))
_PAIRS = tuple(first + second for first in _ALPHANUMERIC for second in _ALPHANUMERIC)
_PAIR_COUNT = len(_PAIRS)


def _random(length: int) -> str:
    tail = ""
    while len(tail) < length:
        try:
            tail += _unused_tails.pop()
        except IndexError:
            _draw_tails()
    return tail[:length]


_CHUNK: Final = 32
# One call of the system reads for many ids: it costs more than the rest of an id. `pop` is safe among threads.
_unused: Final[list[bytes]] = []
_unused_tails: Final[list[str]] = []
os.register_at_fork(after_in_child=_unused.clear)
os.register_at_fork(after_in_child=_unused_tails.clear)


def _draw_tails() -> None:
    """Adds tails of 16 random characters, which nothing else has."""
    symbols = os.urandom(1024).translate(_SYMBOLS, _REJECTED).decode()
    _unused_tails.extend(
        [
            symbols[start : start + _RANDOM_LENGTH]
            for start in range(0, len(symbols) - _RANDOM_LENGTH + 1, _RANDOM_LENGTH)
        ]
    )


def _draw() -> bytes:
    """32 random bytes, which nothing else has."""
    try:
        return _unused.pop()
    except IndexError:
        block = os.urandom(64 * _CHUNK)
        _unused.extend([block[start : start + _CHUNK] for start in range(_CHUNK, len(block), _CHUNK)])
        return block[:_CHUNK]


def _draw_hex(count: int) -> str:
    """Two digits for each of up to 32 random bytes."""
    return _draw()[:count].hex()


def _time_ordered() -> str:
    try:
        tail = _unused_tails.pop()
    except IndexError:
        tail = _random(_RANDOM_LENGTH)
    return _stamp(time.time_ns() // _TICK_NS) + tail


@lru_cache(maxsize=4)
def _stamp(ticks: int) -> str:
    """The first half of a tail. One request draws several ids in a tick."""
    rest, last = divmod(ticks, _PAIR_COUNT)
    rest, third = divmod(rest, _PAIR_COUNT)
    first, second = divmod(rest, _PAIR_COUNT)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _PAIRS[last]


def _time_ordered_hex() -> str:
    """32 hexadecimal digits: the time, and 76 random bits."""
    return f"{time.time_ns() // _TICK_NS:013x}" + _draw_hex(10)[1:]


def blob_location() -> str:
    return "blobs_" + _random(_TAIL_LENGTH)


def assistant() -> str:
    return "asst_" + _time_ordered()


def thread() -> str:
    return "thread_" + _time_ordered()


def message() -> str:
    return "msg_" + _time_ordered()


def run() -> str:
    return "run_" + _time_ordered()


def step() -> str:
    return "step_" + _time_ordered()


def file() -> str:
    return "file-" + _time_ordered()


def upload() -> str:
    return "upload_" + _time_ordered_hex()


def part() -> str:
    return "part_" + _time_ordered_hex()


def tool_call() -> str:
    return "call_" + _random(_TAIL_LENGTH)


def chat_completion() -> str:
    return "chatcmpl-" + _random(29)


def completion() -> str:
    return "cmpl-" + _random(29)


def request() -> str:
    return "req_" + _draw_hex(16)


def function_call_item() -> str:
    return "fc_" + _draw_hex(25)


def function_call_output_item() -> str:
    return "fc_" + _draw_hex(25)


def custom_tool_call_item() -> str:
    return "ctc_" + _draw_hex(24)


def custom_tool_call_output_item() -> str:
    return "ctco_" + _draw_hex(24)


def reasoning() -> str:
    return "rs_" + _draw_hex(25)


_CLIENT_CALLS = {
    "apply_patch": "apc",
    "shell": "sh",
    "local_shell": "lsh",
    "tool_search": "tsc",
    "computer": "cu",
    "computer_use_preview": "cu",
}


def client_call(kind: str) -> str:
    """For a call of a client's tool of that kind."""
    return f"{_CLIENT_CALLS[kind]}_{_draw_hex(25)}"


def tool_search_output() -> str:
    return "tso_" + _draw_hex(25)


def compaction() -> str:
    return "cmp_" + _draw_hex(25)


def other_item() -> str:
    return "item_" + _draw_hex(24)


def prompt() -> str:
    return "pmpt_" + _time_ordered_hex() + _draw_hex(9)


def response() -> str:
    """The time in 13 hexadecimal digits, and 148 random bits in 37."""
    return f"resp_{time.time_ns() // _TICK_NS:013x}{_draw().hex()[:37]}"


def file_search_call() -> str:
    return "fs_" + _draw_hex(25)


def web_search_call() -> str:
    return "ws_" + secrets.token_hex(25)


def image_generation_call() -> str:
    return "ig_" + secrets.token_hex(25)


def code_interpreter_call() -> str:
    return "ci_" + _draw_hex(25)


def mcp_list() -> str:
    return "mcpl_" + _draw_hex(24)


def mcp_approval_request() -> str:
    return "mcpr_" + _draw_hex(24)


def mcp_call() -> str:
    return "mcp_" + _draw_hex(25)


def container() -> str:
    return "cntr_" + _draw_hex(24)


def generation() -> str:
    """A video's; the API that it is of takes nothing but UUIDs."""
    return str(uuid.uuid4())


def vector_store() -> str:
    return "vs_" + _time_ordered_hex()


def file_batch() -> str:
    return "vsfb_" + _time_ordered_hex()


def event() -> str:
    """An event of a webhook."""
    return "evt_" + _time_ordered_hex()


def webhook_endpoint() -> str:
    return "we_" + _time_ordered_hex()


def webhook_delivery() -> str:
    return "wh_" + _time_ordered_hex()


def webhook_secret() -> str:
    """256 random bits in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def webhook_secret_hint(secret: str) -> str:
    return f"whsec_…{secret[-4:]}"


def batch() -> str:
    return "batch_" + _time_ordered_hex()


def batch_request() -> str:
    """A line of a batch's output."""
    return "batch_req_" + _draw_hex(16)


def message_batch() -> str:
    return "msgbatch_" + _time_ordered()


def import_() -> str:
    return "import_" + _time_ordered()


def export() -> str:
    return "export_" + _time_ordered()


def deletion() -> str:
    return "deletion_" + _time_ordered()


def project() -> str:
    return "proj_" + _random(_TAIL_LENGTH)


def service_account() -> str:
    return "svc_acct_" + _random(_TAIL_LENGTH)


def user() -> str:
    return "user-" + _random(_TAIL_LENGTH)


def browser_session() -> str:
    return "session_" + _random(_TAIL_LENGTH)


def invite() -> str:
    return "invite-" + _random(_TAIL_LENGTH)


def audit_log() -> str:
    return "audit_log-" + _time_ordered()


def key() -> str:
    """What an API key is called by; not the key itself."""
    return "key_" + _random(_TAIL_LENGTH)


def api_key() -> str:
    """A secret of 256 random bits, in the shape `sk-understudy-<43 url-safe characters>`."""
    return "sk-understudy-" + secrets.token_urlsafe(32)


ADMIN_KEY_PREFIX = "sk-understudy-admin-"


def admin_key() -> str:
    """A secret of 256 random bits, in the shape `sk-understudy-admin-<43 url-safe characters>`."""
    return ADMIN_KEY_PREFIX + secrets.token_urlsafe(32)


def service_account_key() -> str:
    """A secret of 256 random bits, in the shape `sk-understudy-svcacct-<43 url-safe characters>`."""
    return "sk-understudy-svcacct-" + secrets.token_urlsafe(32)


CLIENT_SECRET_PREFIX = "ek_"  # noqa: S105 - what all of them begin with


def client_secret() -> str:
    """The value of an ephemeral key, of 256 random bits, in the shape `ek_<43 url-safe characters>`."""
    return CLIENT_SECRET_PREFIX + secrets.token_urlsafe(32)


def realtime_session() -> str:
    return "sess_" + _random(_TAIL_LENGTH)


def realtime_event() -> str:
    return "event_" + _random(_TAIL_LENGTH)


def ledger_entry() -> str:
    return "txn_" + _time_ordered()


def usage_journal() -> str:
    return "journal_" + _time_ordered()


def inference() -> str:
    """21 url-safe characters, as the AI/ML API names an answer: the time, and 13 random ones (78 bits)."""
    return _stamp(time.time_ns() // _TICK_NS) + _draw()[:13].translate(_SYMBOLS).decode()
