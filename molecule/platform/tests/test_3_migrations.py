"""The migration that DEVELOPMENT.md writes, as it is written there."""

import re
import textwrap

from lab import ROOT, wait_until

COLUMN = """
    select data_type from information_schema.columns
    where table_schema = 'order' and table_name = 'orders' and column_name = 'note'
"""


def test_a_saved_migration_is_applied(lab, checkout):
    guide = (ROOT / "DEVELOPMENT.md").read_text(encoding="utf-8")
    [(file, text)] = re.findall(r"`(services/\S+\.sql)`.*?```sql\n(.*?) *```", guide, re.DOTALL)
    assert column(lab) == ""
    (checkout / file).write_text(textwrap.dedent(text), encoding="utf-8")
    wait_until(lambda: column(lab) == "text", f"{file} is applied", 60)
    lab.wait_until_healthy("order")


def column(lab):
    """The type of the column that the guide adds; empty while there is none."""
    return lab.execute("postgres", "psql", "-U", "postgres", "-d", "cloudlab", "-tAc", COLUMN).strip()
