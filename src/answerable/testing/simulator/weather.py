"""How bad a world's day is: drawn from its seed, so that calm ones and stormy ones both come up."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Weather:
    """Each number is how often (0..1) something goes wrong where it can; `calm` ends all of it."""

    outside: float  # a call to the other side: late, lost, refused, lied about
    outages: float  # and after that the door says no, or loses answers, for a while
    commits: float  # a commit that fails, or whose outcome is not known
    delays: float  # a pause at a named fault point
    slow_disk: float  # a commit that takes its time: what waits meanwhile is written together
    deaths: float  # a SIGKILL at a named fault point
    rush: float  # a customer writes at the same instant as others do
    shuffle: float  # the next step is not the one that came first
    crash_steps: int  # a life ends after about so many steps; 0: it is not killed
    jumps: int  # how often the clock is set wrong
    parties: int
    messages: int  # of each party
    powers: int  # how often somebody changes who may do what

    @classmethod
    def drawn(cls, chance: random.Random) -> "Weather":
        return cls(
            outside=chance.choice((0.0, 0.3, 0.4, 0.6)),
            outages=chance.choice((0.0, 0.3, 0.6)),
            commits=chance.choice((0.0, 0.0, 0.0, 0.01, 0.03)),
            delays=chance.choice((0.0, 0.05, 0.3)),
            slow_disk=chance.choice((0.0, 0.0, 0.7)),
            deaths=chance.choice((0.0, 0.0, 0.0, 0.01, 0.02)),
            rush=chance.choice((0.0, 0.3, 0.8)),
            shuffle=chance.choice((0.0, 0.2, 0.7)),
            crash_steps=chance.choice((0, 0, 300, 600, 1_000)),
            jumps=chance.choice((0, 0, 0, 1, 3)),
            parties=chance.choice((1, 2, 2, 3)),
            messages=chance.choice((2, 4, 5)),
            powers=chance.choice((0, 3, 5, 8)),
        )

    def calm(self) -> None:
        """From here on nothing goes wrong: whatever was left open has to end."""
        self.outside = self.commits = self.delays = self.deaths = self.shuffle = 0.0
        self.outages = self.slow_disk = 0.0
        self.crash_steps = self.jumps = 0


def pause_s(chance: random.Random) -> float:
    """A time that something takes: mostly moments, now and then minutes or hours."""
    scale = chance.choice((0.0, 0.001, 0.05, 1.0, 1.0, 10.0, 90.0, 3_000.0))
    return chance.random() * scale
