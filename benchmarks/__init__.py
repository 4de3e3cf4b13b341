"""How fast, how big, how many calls: figures with budgets, in runs of their own. `make bench`; docs/benchmarks.md.

The layer and the functions' folders are put on the path here, as Lambda has them, and not by PYTHONPATH: that would
reach the commands that build the local cloud.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Whose functions are measured.
_FUNCTIONS = ("scaling",)

for _folder in (ROOT / "layers/shared", *(ROOT / "functions" / name for name in _FUNCTIONS)):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))
