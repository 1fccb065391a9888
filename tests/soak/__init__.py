"""A run of some minutes of mixed traffic under every fault: `python -m tests.soak`."""
