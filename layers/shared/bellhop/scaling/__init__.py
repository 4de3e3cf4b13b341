"""How a workload's size is declared and decided. Imports no SDK; `functions/scaling` does the doing."""
