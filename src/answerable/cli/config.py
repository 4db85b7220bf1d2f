"""`config`: what a home runs with."""

from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, new_app, out, out_json, talk, talk_next

config = new_app("What a home runs with.")


@config.command("show")
def config_show(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Each setting in force; what nobody said is marked. Secrets are never shown."""
    from answerable.compose.effective import effective
    from answerable.compose.settings import read_settings, settings_text

    where, text = settings_text(home)
    rows = effective(read_settings(home), text)
    if as_json:
        out_json(rows)
        return
    talk(f"From '{where}':" if where else "There is no answerable.toml: all are defaults.")
    width = max(len(row.name) for row in rows)
    for row in rows:
        out(f"{row.name.ljust(width)}  {row.value or '-'}{'  (default)' if row.is_default else ''}")
    talk_next(home, "answerable policy explain")
