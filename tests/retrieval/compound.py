"""Compound files (OLE) of small streams, as Outlook writes its messages. Source: [MS-CFB]."""

import struct

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(tree):
    """`tree` maps names to bytes or to trees; no stream has more than 4,095 bytes."""
    entries, mini = [], bytearray()
    _add(entries, "Root Entry", tree, mini)
    streams = -(-len(mini) // 512)
    directory = b"".join(_entry(*entry) for entry in _with_root(entries, 1, len(mini)))
    directory += bytes(-len(directory) % 512)
    folders = len(directory) // 512
    minis = [at + 1 for at in range(len(mini) // 64)]
    for _, _, _, _, start, size in entries[1:]:
        if start is not None:
            minis[start + max(1, -(-size // 64)) - 1] = _END
    table = struct.pack(f"<{len(minis)}I", *minis)
    table += b"\xff" * (-len(table) % 512)
    chains = (*_chain(1, streams), *_chain(1 + streams, folders), *_chain(1 + streams + folders, len(table) // 512))
    fat = struct.pack(f"<{len(chains) + 1}I", _FAT, *chains)
    fat += b"\xff" * (512 - len(fat))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, 1, 1 + streams,
        0, 4096, 1 + streams + folders, len(table) // 512, _END, 0, 0,
    )  # fmt: skip
    header += b"\xff" * (512 - len(header))
    return header + fat + bytes(mini) + bytes(-len(mini) % 512) + directory + table


def _add(entries, name, content, mini):
    place = len(entries)
    if isinstance(content, bytes):
        entries.append([name, 2, [], None, len(mini) // 64, len(content)])
        mini += content + bytes(-len(content) % 64 or (0 if content else 64))
    else:
        entries.append([name, 1, [], None, None, 0])
        entries[place][2] = [_add(entries, key, value, mini) for key, value in content.items()]
    return place


def _with_root(entries, start, size):
    """Children as a chain to the right, in the order of a compound file's tree."""
    links = {}
    for _, _, children, *_ in entries:
        ordered = sorted(children, key=lambda place: (len(entries[place][0]), entries[place][0].upper()))
        links |= dict(zip(ordered, [*ordered[1:], _FREE], strict=True)) if ordered else {}
    for place, (name, kind, children, _, first, length) in enumerate(entries):
        ordered = sorted(children, key=lambda one: (len(entries[one][0]), entries[one][0].upper()))
        child = ordered[0] if ordered else _FREE
        if place == 0:
            yield name, 5, _FREE, child, start, size
        else:
            yield name, kind, links[place], child, first or 0, length


def _entry(name, kind, right, child, start, size):
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ", encoded, len(encoded), kind, 1, _FREE, right, child, b"", 0, 0, 0, start, size
    )


def _chain(start, count):
    return [*range(start + 1, start + count), _END] if count else []
