"""Shared code of the plugins; the only part of the package that imports Ansible."""
