"""`python -m answerable.cli`: the same as the `answerable` script."""

from answerable.cli import main

main()
