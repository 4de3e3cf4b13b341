"""Alarms as Bellhop sees them, and the senders' forms they are read from."""
