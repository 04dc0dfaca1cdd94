"""Regular expressions as JSON schemas use them: does a text match, and which text would.

Matching walks sets of positions, so that no pattern can make it backtrack for ever. Look-behind, back references and
property classes are not understood and raise UnsupportedPatternError.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from understudy.llm.rehearsal import effort

MAX_PATTERN_LENGTH: Final = 2_000
"""Characters that a pattern may have."""

MAX_EXAMPLE_LENGTH: Final = 20_000
"""Parts that an example may be made of, most of which are characters."""

_MAX_CODE_POINT = 0x10FFFF
_UNBOUNDED = 1_000_000
_MAX_EFFORT = 30_000
_MAX_NESTING = 40
MIXED_SALT = 100  # a salt from which on letters, digits and signs alternate
_ALTERNATING = "aB3-dE6_gH9.jK2:mN5@"
_READABLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .,:;/@#+"

Ranges = tuple[tuple[int, int], ...]

_DIGIT: Ranges = ((48, 57),)
_SPACE: Ranges = ((9, 13), (32, 32), (160, 160), (0x2028, 0x2029))
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


class UnsupportedPatternError(Exception):
    pass


class PatternLimitError(Exception):
    """The pattern, or each text that it matches, is longer than any that is looked at."""


@dataclass(frozen=True, slots=True)
class Chars:
    ranges: Ranges

    def has(self, char: str) -> bool:
        code = ord(char)
        return any(low <= code <= high for low, high in self.ranges)

    def sample(self, salt: int) -> str:
        if len(self.ranges) == 1 and self.ranges[0][0] == self.ranges[0][1]:
            return chr(self.ranges[0][0])
        effort.spend_steps(8)
        preferred = _ALTERNATING if salt >= MIXED_SALT else _READABLE
        start = salt % len(preferred)
        for char in preferred[start:] + preferred[:start] + _READABLE:
            if self.has(char):
                return char
        if not self.ranges:
            raise UnsupportedPatternError("an empty class")
        return chr(self.ranges[0][0])


@dataclass(frozen=True, slots=True)
class Edge:
    """A position: `^`, `$`, `b` or `B`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Lookahead:
    """A look-ahead, which takes nothing of the text."""

    node: "Node"
    wanted: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    nodes: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    options: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Repeat:
    node: "Node"
    least: int
    most: int


_WORD_CHARS = Chars(_WORD)

Node = Chars | Edge | Lookahead | Sequence | Choice | Repeat


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`. Raises UnsupportedPatternError also where that takes too much work."""
    return bool(_Matcher(text).ends(parse(pattern), frozenset(range(len(text) + 1))))


def example(pattern: str, salt: int = 0, extra: int = 0) -> str:
    """A text that matches; `salt` varies its characters, `extra` lengthens its open repetitions.

    Raises UnsupportedPatternError and PatternLimitError.
    """
    return _Example().write(parse(pattern), salt, extra)


def parse(pattern: str) -> Node:
    """Raises UnsupportedPatternError and PatternLimitError."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternLimitError(f"a pattern has more than {MAX_PATTERN_LENGTH} characters")
    return _parse_pattern(pattern)


@lru_cache(maxsize=256)
def _parse_pattern(pattern: str) -> Node:
    return _Parser(pattern).parse()


class _Matcher:
    def __init__(self, text: str) -> None:
        self._text = text
        self._effort = 0

    def ends(self, node: Node, starts: frozenset[int]) -> frozenset[int]:
        """Where a match of `node` that begins at one of `starts` may end."""
        self._effort += 1 + len(starts)
        effort.spend_steps(1 + len(starts))
        if self._effort > _MAX_EFFORT:
            raise UnsupportedPatternError("too much work")
        match node:
            case Chars():
                return frozenset(at + 1 for at in starts if at < len(self._text) and node.has(self._text[at]))
            case Edge():
                return frozenset(at for at in starts if self._is_edge(node.kind, at))
            case Lookahead():
                return frozenset(at for at in starts if bool(self.ends(node.node, frozenset({at}))) == node.wanted)
            case Sequence():
                for part in node.nodes:
                    starts = self.ends(part, starts)
                return starts
            case Choice():
                return frozenset().union(*(self.ends(option, starts) for option in node.options))
            case Repeat():
                return self._repeat_ends(node, starts)

    def _repeat_ends(self, node: Repeat, starts: frozenset[int]) -> frozenset[int]:
        reached = starts
        for _ in range(node.least):
            following = self.ends(node.node, reached)
            if following == reached:
                break
            reached = following
        frontier = reached
        for _ in range(node.most - node.least):
            frontier = self.ends(node.node, frontier) - reached
            if not frontier:
                break
            reached |= frontier
        return reached

    def _is_edge(self, kind: str, at: int) -> bool:
        if kind == "^":
            return at == 0
        if kind == "$":
            return at == len(self._text)
        before = at > 0 and _WORD_CHARS.has(self._text[at - 1])
        after = at < len(self._text) and _WORD_CHARS.has(self._text[at])
        return (before != after) == (kind == "b")


class _Example:
    """One text that matches, written part by part up to a limit: repeats inside of repeats multiply."""

    def __init__(self) -> None:
        self._parts = 0

    def write(self, node: Node, salt: int, extra: int) -> str:
        self._parts += 1
        if self._parts > MAX_EXAMPLE_LENGTH:
            raise PatternLimitError(f"a pattern asks for more than {MAX_EXAMPLE_LENGTH} characters")
        effort.spend_steps(1)
        match node:
            case Chars():
                return node.sample(salt)
            case Edge() | Lookahead():
                return ""
            case Sequence():
                return "".join(self.write(part, salt + i, extra) for i, part in enumerate(node.nodes))
            case Choice():
                option = node.options[salt % len(node.options)]
                return self.write(option, salt // len(node.options), extra)
            case Repeat():
                times = min(node.least + extra, node.most)
                return "".join(self.write(node.node, salt + i, extra if i == 0 else 0) for i in range(times))


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._parse_choice()
        if self._at < len(self._pattern):
            raise UnsupportedPatternError(self._pattern)
        return node

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next_char(self) -> str:
        char = self._peek()
        if not char:
            raise UnsupportedPatternError(self._pattern)
        self._at += 1
        return char

    def _accept(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _parse_choice(self) -> Node:
        options = [self._parse_sequence()]
        while self._accept("|"):
            options.append(self._parse_sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _parse_sequence(self) -> Node:
        nodes: list[Node] = []
        while self._peek() not in {"", "|", ")"}:
            nodes.append(self._parse_quantifier(self._parse_atom()))
        return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))

    def _parse_quantifier(self, node: Node) -> Node:
        while (bounds := self._parse_bounds()) is not None:
            self._accept("?")  # lazy or greedy: the same texts match
            node = Repeat(node, *bounds)
        return node

    def _parse_bounds(self) -> tuple[int, int] | None:
        for sign, bounds in (("*", (0, _UNBOUNDED)), ("+", (1, _UNBOUNDED)), ("?", (0, 1))):
            if self._accept(sign):
                return bounds
        close = self._pattern.find("}", self._at)
        inner = self._pattern[self._at + 1 : close]
        low, comma, high = inner.partition(",")
        if self._peek() != "{" or close < 0 or not low.isdecimal() or not (not high or high.isdecimal()):
            return None
        self._at = close + 1
        most = _UNBOUNDED if comma and not high else int(high or low)
        return int(low), most

    def _parse_atom(self) -> Node:
        char = self._next_char()
        if char == "(":
            return self._parse_group()
        if char == "[":
            return self._parse_class()
        if char == ".":
            return Chars(_complement(((10, 10), (13, 13))))
        if char in "^$":
            return Edge(char)
        if char == "\\":
            escaped = self._next_char()
            return Edge(escaped) if escaped in "bB" else Chars(self._parse_escape(escaped))
        return Chars(((ord(char), ord(char)),))

    def _parse_group(self) -> Node:
        looks = next((sign == "?=" for sign in ("?=", "?!") if self._accept(sign)), None)
        if looks is None and self._accept("?") and not self._accept(":") and not self._group_name():
            raise UnsupportedPatternError(self._pattern)
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise UnsupportedPatternError(self._pattern)
        node = self._parse_choice()
        self._depth -= 1
        if not self._accept(")"):
            raise UnsupportedPatternError(self._pattern)
        return node if looks is None else Lookahead(node, looks)

    def _group_name(self) -> bool:
        self._accept("P")
        close = self._pattern.find(">", self._at)
        if self._peek() != "<" or not self._pattern[self._at + 1 : close].isidentifier():
            return False
        self._at = close + 1
        return True

    def _parse_class(self) -> Node:
        negated = self._accept("^")
        ranges: list[tuple[int, int]] = []
        while not self._accept("]"):
            low = self._parse_class_member()
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in {"]", ""} and len(low) == 1:
                self._next_char()
                low = ((low[0][0], self._parse_class_member()[-1][1]),)
            ranges.extend(low)
        return Chars(_complement(tuple(ranges)) if negated else tuple(ranges))

    def _parse_class_member(self) -> Ranges:
        char = self._next_char()
        if char == "\\":
            escaped = self._next_char()
            return ((8, 8),) if escaped == "b" else self._parse_escape(escaped)
        return ((ord(char), ord(char)),)

    def _parse_escape(self, char: str) -> Ranges:
        classes = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
        if char.lower() in classes:
            return classes[char] if char in classes else _complement(classes[char.lower()])
        if char in {"x", "u"}:
            return self._parse_code_point(2 if char == "x" else 4)
        if char.isalnum() and char not in _CONTROL:
            raise UnsupportedPatternError(self._pattern)
        code = ord(_CONTROL.get(char, char))
        return ((code, code),)

    def _parse_code_point(self, digits: int) -> Ranges:
        try:
            code = int("".join(self._next_char() for _ in range(digits)), 16)
        except ValueError:
            raise UnsupportedPatternError(self._pattern) from None
        return ((code, code),)


def _complement(ranges: Ranges) -> Ranges:
    """The complement of `ranges`."""
    kept, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            kept.append((start, low - 1))
        start = max(start, high + 1)
    return (*kept, (start, _MAX_CODE_POINT)) if start <= _MAX_CODE_POINT else tuple(kept)
