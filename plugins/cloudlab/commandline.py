"""Options of ansible-playbook that would end in doing nothing, or half of it, with exit status 0."""

from __future__ import annotations

from collections.abc import Mapping
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
