"""The cluster behind the scaling and chat functions: connection, credential, errors."""
