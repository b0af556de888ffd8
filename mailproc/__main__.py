"""``python -m mailproc`` is the program `mailproc`."""

from mailproc.cli import main

main()
