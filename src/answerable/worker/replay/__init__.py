"""What was decided, decided again from what is kept: nothing is asked outside, done or written.

It reads a home's files as they lie there, beside a worker or without one, in the process of whoever
asks: no turn of a customer waits for it, and code that hangs hangs nobody else.
"""
