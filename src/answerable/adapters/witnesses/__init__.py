"""How a log reaches its witnesses: C2SP tlog-witness over HTTP."""
