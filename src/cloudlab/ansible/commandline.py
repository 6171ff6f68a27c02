"""Options of ansible-playbook that are rejected because they would skip tasks and report success."""

import re
from collections.abc import Collection, Mapping
from typing import Any


def problem(arguments: Mapping[str, Any]) -> str:
    """Why the options (`ansible.context.CLIARGS`) are rejected, and the alternative; empty if they are not."""
    if arguments.get("start_at_task"):
        return "--start-at-task is not supported: it would skip the preflight checks. Select components with --tags."
    if arguments.get("skip_tags"):
        return (
            "--skip-tags is not supported: the tags of a component include its dependents, so that a dependency of "
            "other components would be skipped. Select components with --tags, or add a profile to "
            "group_vars/all/profiles.yml."
        )
    return ""


def limit_problem(subset: str | None, hosts: Collection[str]) -> str:
    """Why `--limit` is rejected: it has an unknown name. Patterns (*, !, @file, ~) are left to Ansible."""
    names = [name for name in re.split(r"[,:]", subset or "") if name and not set(name) & set("*?[!&@~")]
    unknown = [name for name in names if name not in hosts]
    if not unknown:
        return ""
    return f"--limit {', '.join(unknown)}: unknown host. Valid: {', '.join(hosts)}. Select components with --tags."
