"""Options that the actions of dev, validate and export share."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  mode:
    description:
      - Effect of the action. V(converge) - applies the declaration. V(compare) - changes nothing; adds the differences
        to the host's fact C(compared), for M(environment_checks) and M(validation_report). V(describe) - uses no
        engine; checks the declaration and adds it to the host's fact C(described), for M(export_files).
      - Plays set it for all actions with C(module_defaults).
    type: str
    choices: [converge, compare, describe]
    default: converge
"""
