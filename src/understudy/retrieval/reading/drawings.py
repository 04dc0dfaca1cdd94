"""Text of drawings in office documents: equations, charts, diagrams, and the words that describe a picture."""

from collections.abc import Callable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import attribute, child, children, descendants, local
from understudy.retrieval.reading.package import Package, Relation

_MOST_ROWS: Final = 10_000
_AROUND: Final = {"sup": "^", "sub": "_"}
_DIAGRAM: Final = "dm"


def equation(element: ET.Element) -> str:
    """In one line: fractions with a slash, powers with ^, indices with _, roots with √."""
    name = local(element)
    if (writer := _WRITERS.get(name)) is not None:
        return writer(element)
    if name.endswith("pr"):
        return ""
    text = "".join(equation(one) for one in element)
    return _AROUND[name] + _bracketed(text) if name in _AROUND and text else text


def _sum(element: ET.Element) -> str:
    sign = child(element, "narypr", "chr")
    limits = "".join(equation(one) for one in element if local(one) in _AROUND)
    return f"{(attribute(sign, 'val') if sign is not None else None) or '∫'}{limits} {_plain(child(element, 'e'))}"


_WRITERS: Final[dict[str, Callable[[ET.Element], str]]] = {
    "d": lambda element: f"({', '.join(_plain(one) for one in children(element, 'e'))})",
    "f": lambda element: f"{_group(child(element, 'num'))}/{_group(child(element, 'den'))}",
    "mr": lambda element: ", ".join(_plain(one) for one in element) + "; ",
    "nary": _sum,
    "rad": lambda element: f"{_plain(child(element, 'deg'))}√{_group(child(element, 'e'))}",
    "t": lambda element: element.text or "",
}


def _plain(element: ET.Element | None) -> str:
    return "" if element is None else "".join(equation(one) for one in element)


def _group(element: ET.Element | None) -> str:
    return _bracketed(_plain(element))


def _bracketed(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def description(drawing: ET.Element) -> str:
    """What a picture's author wrote for those who cannot see it."""
    for one in descendants(drawing, "docpr", "cnvpr", "shape", "imagedata"):
        text = attribute(one, "descr") or attribute(one, "alt") or ""
        if text.strip():
            return f"[Image: {text.strip()}]"
    return ""


def linked_texts(package: Package, relations: dict[str, Relation], drawing: ET.Element) -> Iterator[str]:
    """Charts and diagrams that a drawing shows, which are parts of their own."""
    for one in descendants(drawing, "chart", "relids"):
        name = _DIAGRAM if local(one) == "relids" else "id"
        relation = relations.get(attribute(one, name) or "")
        if relation is not None:
            text = chart(package.tree(relation.target)) if name == "id" else diagram(package.tree(relation.target))
            if text:
                yield text


def diagram(root: ET.Element) -> str:
    lines = ("".join(one.text or "" for one in descendants(p, "t")) for p in descendants(root, "p"))
    return "\n".join(line for line in lines if line.strip())


def chart(root: ET.Element) -> str:
    """Its title, and a table of a column for the categories and one for each series."""
    series = list(descendants(root, "ser", "series"))
    if not series:
        return _words(root)
    columns = [_points(child(series[0], "cat") if child(series[0], "cat") is not None else child(series[0], "xval"))]
    columns += [_points(child(one, "val") if child(one, "val") is not None else child(one, "yval")) for one in series]
    head = ["", *(_words(child(one, "tx")) for one in series)]
    rows = sorted({place for column in columns for place in column})[:_MOST_ROWS]
    table = [" | ".join(head)] + [" | ".join(column.get(place, "") for column in columns) for place in rows]
    titles = [text for one in descendants(root, "title") if (text := diagram(one))]
    return "\n".join([*titles, *(line for line in table if line.strip(" |"))])


def _points(element: ET.Element | None) -> dict[int, str]:
    if element is None:
        return {}
    found = {}
    for place, point in enumerate(descendants(element, "pt")):
        index = attribute(point, "idx") or ""
        values = [one.text or "" for one in descendants(point, "v")] or [point.text or ""]
        found[int(index) if index.isdecimal() else place] = " ".join(values)
    return found


def _words(element: ET.Element | None) -> str:
    if element is None:
        return ""
    return " ".join(one.text for one in descendants(element, "t", "v", "pt") if one.text and one.text.strip())
