"""Lists of a project in ascending order wait for creations in flight, by the numbers of their table."""

import re
from pathlib import Path

import understudy.store

STORE = Path(understudy.store.__file__).parent
_SOURCE = re.compile(r'PageSource\(\s*"(\w+)",\s*"project_id = \$1"(?:[^)]*has_horizon=(False))?')


def test_the_table_of_each_list_of_a_project_has_a_sequence_of_numbers():
    found = [one for path in STORE.glob("*.py") for one in _SOURCE.findall(path.read_text())]
    listed = {table for table, without in found if not without}
    migrations = "".join(path.read_text() for path in (STORE / "migrations").glob("*.sql"))
    assert len(listed) > 10
    assert listed == set(re.findall(r"CREATE SEQUENCE (\w+)_numbers", migrations))
