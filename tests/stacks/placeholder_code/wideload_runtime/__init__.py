"""Stands for the built Lambda code where only the templates matter."""
