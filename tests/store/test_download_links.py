"""Links that download a file once."""

from store.samples import OURS
from understudy.store.download_links import LinkedFile

FILE = LinkedFile(OURS, "file-a")


async def test_a_link_is_valid_once_and_until_its_end(store):
    links = store.download_links
    await links.create("early", FILE, 0, 60)
    await links.create("late", FILE, 0, 60)
    assert await links.find("early", 59) == FILE
    assert await links.redeem("early", 59) == FILE
    assert await links.redeem("early", 59) is None
    assert await links.redeem("late", 60) is None
    assert await links.find("other", 1) is None
    await links.create("next", FILE, 60, 120)
    assert await store.database.read(_count_rows) == 1


def _count_rows():
    return (yield "SELECT count(*) FROM download_links", ())[0][0]
