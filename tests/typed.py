"""Commands as they are typed in the folder of a project, in the test's own process."""

from typer.testing import CliRunner

from answerable.cli.app import app


def run(*words: str) -> str:
    """What a command prints; it must end well."""
    done = CliRunner().invoke(app, list(words), catch_exceptions=True)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def fails(*words: str) -> BaseException:
    """What a command raises."""
    done = CliRunner().invoke(app, list(words))
    assert done.exception is not None
    return done.exception
