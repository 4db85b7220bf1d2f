"""The process that holds the home: dispatcher, socket, and the supervisor that watches it."""
