"""The embedded cloud: everything `make run` starts on one machine. Nothing here is deployed."""
