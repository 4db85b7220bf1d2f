"""HTTP: the same commands as the socket, for who has a key; mounts the console."""
