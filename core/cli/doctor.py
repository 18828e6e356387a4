"""The command that tells what this machine lacks, and how to mend it."""

from __future__ import annotations

import argparse

from core.cli.command import Answer, Command


def run_doctor(options: argparse.Namespace) -> Answer:
    """Look at everything Tunesmith leans on."""
    from core.doctor import examine

    findings = examine()
    lines = []
    for name, finding in findings.items():
        lines.append(f"{'ok  ' if finding.ok else 'mend'}  {name.replace('_', ' ')}: {finding.found}")
        if finding.mend:
            lines.append(f"      {finding.mend}")
    values = {
        name: {"ok": finding.ok, "found": finding.found, "mend": finding.mend}
        for name, finding in findings.items()
    }
    return Answer({"ok": all(finding.ok for finding in findings.values()), **values}, lines)


COMMANDS = (Command("doctor", "tell what this machine lacks and how to mend it", "doctor", run_doctor),)
