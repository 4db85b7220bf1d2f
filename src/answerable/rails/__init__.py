"""How words travel: the port that every rail plugs into."""
