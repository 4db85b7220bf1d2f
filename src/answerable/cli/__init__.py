"""The front steps: `answerable NOUN VERB`; stdout is data, stderr is talk."""


def main() -> None:
    """The console script. Imports the commands only now, so that importing costs nothing."""
    from answerable.cli.app import run

    run()
