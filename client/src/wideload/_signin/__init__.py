"""Signing in to file transfer: by browser, or by user name and password; and keeping the tokens.

`wideload.signin` is what programs use of it.
"""
