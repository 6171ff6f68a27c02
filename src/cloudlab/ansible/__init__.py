"""What the plugins share; the only part of the package that imports Ansible."""
