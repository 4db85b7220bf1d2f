"""Where traces go: OTLP."""
