"""The checks of `wideload doctor`; the command itself is `commands/doctor.py`."""
