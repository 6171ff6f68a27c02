"""Much that is written, and little room for it."""

import datetime
import secrets
import statistics
import time

from lab import wait_until

from cloudlab.model.environment import LOG_LABELS

DAYS = 6
SECONDS = 60  # of measuring, without and with


def test_two_hundred_lines_a_second_delay_nobody(lab, shop, product):
    def median():
        took = []
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            took.append(shop.gateway.call("GET", f"/api/v1/products/{product.id}").seconds)
            time.sleep(0.05)
        return statistics.median(took)

    quiet = median()
    chatter = lab.client.create_container(
        lab.inspect("postgres")["Image"],
        ["-c", "for n in {1..900}; do for m in {1..20}; do echo chatter $n $m; done; sleep 0.1; done"],
        entrypoint=["bash"],
        name=f"{lab.instance}-chatter",
        labels={"cloudlab.instance": lab.instance, "cloudlab.component": "chatter", "cloudlab.container": "chatter"},
        host_config=lab.client.create_host_config(log_config={"Type": "json-file", "Config": {"labels": LOG_LABELS}}),
    )
    lab.client.start(chatter)
    try:
        busy = median()
    finally:
        lab.client.remove_container(chatter, force=True)
    print(f"median {quiet * 1000:.1f} ms without and {busy * 1000:.1f} ms with 200 lines a second")
    assert busy < 1.5 * quiet + 0.01


def test_a_full_disk_drops_the_oldest(lab, logs):
    lab.playbook("dev", "--tags", "victorialogs", "-e", "observability_log_disk=2MiB")
    lab.wait_until_healthy("victorialogs")
    today = datetime.datetime.now(datetime.UTC)
    for age in range(DAYS, -1, -1):
        day = (today - datetime.timedelta(days=age)).isoformat()
        logs.add({"_time": day, "_msg": f"filler {age} {secrets.token_hex(4096)}"} for _ in range(150))

    def days():
        found = logs.find('_time:8d filler | extract "filler <age> " | stats by (age) count() n')
        return {int(row["age"]) for row in found}

    wait_until(lambda: 0 in days(), "what was written today is there", 20)
    wait_until(lambda: DAYS not in days(), "what was written first is gone", 60)
    assert 0 in days(), "the newest must stay"
