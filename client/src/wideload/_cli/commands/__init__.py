"""One module for each command of `wideload`."""
