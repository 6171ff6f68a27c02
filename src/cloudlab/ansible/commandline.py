"""Options of ansible-playbook that would end in doing nothing, or half of it, with exit status 0."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any


def problem(arguments: Mapping[str, Any]) -> str:
    """What is wrong with the options (`ansible.context.CLIARGS`), and what to use instead; empty when nothing is."""
    if arguments.get("start_at_task"):
        return (
            "--start-at-task would skip the checks that every run begins with. Choose components with --tags instead."
        )
    if arguments.get("skip_tags"):
        return (
            "--skip-tags: a component's tags include what needs it, so skipping one would skip what others rest on. "
            "Choose components with --tags, or a list of your own in group_vars/all/profiles.yml."
        )
    return ""


def limit_problem(subset: str | None, hosts: Collection[str]) -> str:
    """What is wrong with `--limit`: a name in it that is no host. Patterns (*, !, @file, ~) are Ansible's matter."""
    names = [name for name in re.split(r"[,:]", subset or "") if name and not set(name) & set("*?[!&@~")]
    unknown = [name for name in names if name not in hosts]
    if not unknown:
        return ""
    return (
        f"--limit {', '.join(unknown)}: there is no such host. Valid: {', '.join(hosts)}. "
        "What is converged is chosen with --tags."
    )
