"""`python -m wideload` is the `wideload` command."""

from wideload._cli import main

main()
