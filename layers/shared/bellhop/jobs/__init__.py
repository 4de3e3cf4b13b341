"""Changes in the cluster other than size: restart, cordon, drain. `functions/jobs` does the doing."""
