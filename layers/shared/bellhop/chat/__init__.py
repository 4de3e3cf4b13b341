"""Chat platforms around one neutral message: what comes in, what goes out, and how it is posted."""
