"""Run as a file in a process of its own, as nothing but the function: wires it, has it read every policy of the
cluster, and tells the process's memory in KiB, before and after.
"""

import json
from pathlib import Path

import scaling


def main() -> None:
    cluster = scaling.services().by_alarm._cluster
    before = memory()
    policies, problems = cluster.policies(fresh=True)
    told = {"policies": len(policies), "problems": problems, "before": before, "after": memory()}
    print(json.dumps(told))


def memory() -> dict[str, int]:
    """VmRSS and VmHWM (its highest so far). Not getrusage: what that tells begins with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM")}


if __name__ == "__main__":
    main()
