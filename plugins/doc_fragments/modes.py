"""What the actions have in common that dev, validate and export share."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  mode:
    description:
      - What the play does with what is declared. V(converge) - brings it about. V(compare) - changes nothing; what
        differs is added to the host's fact C(compared), for M(environment_checks) and M(validation_report).
        V(describe) - asks no engine; what there is to do is checked and added to the host's fact C(described), for
        M(export_files).
      - A play sets it for all actions with C(module_defaults).
    type: str
    choices: [converge, compare, describe]
    default: converge
"""
