"""Write the Docker Compose files. Documentation: plugins/modules/export_files.py."""

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab.compose import described, files, placeholders
from cloudlab.model import settings

ARGUMENTS = {
    "folder": {"type": "path", "required": True},
    "built": {"type": "list", "elements": "str", "required": True},
    "reload": {"type": "list", "elements": "str", "required": True},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            texts = self._texts(task_vars["hostvars"], arguments["built"], arguments["reload"])
        except placeholders.PlaceholderError as error:
            raise AnsibleActionFail("\n".join(f"* {problem}" for problem in error.problems)) from None
        return result | self._write(Path(arguments["folder"]), texts)

    def _texts(self, hosts, built, reload):
        context = hosts[reload[0]]["cloudlab"]
        tools = [name for name, entry in context["catalogue"].items() if entry["kind"] == "tool"]
        options = settings.spec(hosts[reload[0]])
        return files.texts(self._agreed(hosts, built), self._agreed(hosts, reload), tools, context["profile"], options)

    def _agreed(self, hosts, names):
        """The document on which the host with plain values and the one with hostile values agree."""
        return files.agreed(
            *(
                files.read(
                    hosts[name]["ansible_facts"][described.FACT],
                    hosts[name]["cloudlab"],
                    hosts[name]["profiles"],
                    settings.spec(hosts[name]),
                    hostile,
                )
                for name, hostile in zip(names, (False, True), strict=True)
            )
        )

    def _write(self, folder, texts):
        found = {name: _read(folder / name) for name in texts}
        changed = [name for name, text in texts.items() if found[name] != text]
        if not self._task.check_mode:
            for name in changed:
                (folder / name).write_text(texts[name], encoding="utf-8")
        report = {"changed": bool(changed), "files": changed}
        if self._task.diff:
            report["diff"] = [
                {"before_header": name, "after_header": name, "before": found[name], "after": texts[name]}
                for name in changed
            ]
        return report


def _read(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""
