"""What the actions that the export to Docker Compose reads have in common."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(converged) - as described here. V(described) - nothing is asked or changed; what there is to do is checked and
        added to the host's facts, for the export to Docker Compose.
    type: str
    choices: [converged, described]
    default: converged
"""
