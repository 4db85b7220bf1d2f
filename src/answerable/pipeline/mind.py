"""What a turn thinks with: its model, within budget, asked again where that can help."""

import asyncio

from answerable.agents.domain import Release
from answerable.agents.model import ModelChoice, choice_of, params_of
from answerable.base import faults
from answerable.base.clock import day_of
from answerable.cases.domain import Message
from answerable.effects.breaker import Breaker
from answerable.pipeline.asking import BYTES_PER_TOKEN, Tried, ask_once, request_bytes
from answerable.pipeline.hall import Hall
from answerable.policy.budget import Spent
from answerable.sdk.port import Attempt, BudgetSpent, Model, ModelRequest, ModelStep

PAUSES_S = (0.0, 0.5, 2.0)
"""Before each try: a fixed schedule, so that a seed replays it."""
_ADDED_TOKENS = 1_000  # the most that a provider adds to what we send: roles, wrappers of tools


class TurnMind:
    """One turn's use of its agent's model; what an earlier life recorded counts, too."""

    def __init__(self, hall: Hall, release: Release, interaction: str, message: Message) -> None:
        blueprint = release.blueprint
        self.message = message
        self.prompt = blueprint.prompt
        self._hall = hall
        self._agent = blueprint.agent
        self._interaction = interaction
        self._budget = blueprint.budget
        self._choice = choice_of(blueprint.model)
        self._calls = 0
        self._tokens = 0
        self._is_heard = False
        hall.spending.forget(interaction)  # what is recorded counts again as it is read back

    def ready(self) -> tuple[str, dict[str, str | int], int]:
        choice, _ = self._model()
        if self._calls >= self._budget.calls_per_turn:
            raise BudgetSpent("calls_per_turn")
        left = self._budget.tokens_per_turn - self._tokens
        if left <= 0:
            raise BudgetSpent("tokens_per_turn")
        return choice.use, params_of(choice), min(choice.max_tokens, left)

    async def ask(self, request: ModelRequest) -> ModelStep:
        """While it is on its way it counts at the most: a handler may think twice at once."""
        most = request_bytes(request) // BYTES_PER_TOKEN + request.output_tokens_max
        self._calls += 1
        self._tokens += most
        try:
            step = await self._ask(request)
        finally:
            self._tokens -= most
        self._tokens += _tokens_of(step)
        return step

    async def _ask(self, request: ModelRequest) -> ModelStep:
        choice, model = self._model()
        door = self._hall.doors.of("model", choice.base_url, choice.name)
        tried: list[Tried] = []
        for pause_s in PAUSES_S:
            if pause_s:
                await asyncio.sleep(pause_s)
            wanted = self._most(model, request)
            rule = self._hall.spending.exceeded(self._budget, self._agent, self._day(), wanted)
            if rule and not tried:
                raise BudgetSpent(rule)
            if rule or not door.may_try(self._hall.clock.now()):
                break
            tried.append(await self._try(door, model, request, wanted))
            if tried[-1].answer is not None or tried[-1].is_final:
                break
        return _step(choice, request, tried)

    def read_back(self, step: ModelStep) -> None:
        for attempt in step.attempts:
            self._spend(_spent(attempt))
        self._calls += 1
        self._tokens += _tokens_of(step)

    async def _try(
        self, door: Breaker, model: Model, request: ModelRequest, wanted: Spent
    ) -> Tried:
        """One request; the most that it can cost is reserved while it is on its way."""
        choice, _ = self._model()
        self._spend(wanted)
        if self._is_heard:
            self._overhear("\n")  # another answer begins
        door.begin()
        used = Spent()
        is_open = False
        try:
            await faults.point("model.before_call")
            tried = await ask_once(model, choice, request, self._overhear)
            await faults.point("model.after_call")
            used = _spent(tried.attempt)
            is_open = tried.answer is not None or tried.is_final
        finally:
            self._spend(used.plus(wanted, -1))
            if is_open:
                door.succeeded()
            else:
                door.failed(self._hall.clock.now())
        return tried

    def _most(self, model: Model, request: ModelRequest) -> Spent:
        """What a request uses at the most."""
        tokens_in = request_bytes(request) + _ADDED_TOKENS
        cost_micros = model.price(tokens_in, request.output_tokens_max)
        return Spent(tokens_in + request.output_tokens_max, cost_micros or 0)

    def _model(self) -> tuple[ModelChoice, Model]:
        model = self._hall.models.get(self._agent)
        if self._choice is None or model is None:
            raise RuntimeError(
                f"agent '{self._agent}' declares no model: Agent(model={{'use': …}})"
            )
        return self._choice, model

    def _spend(self, spent: Spent) -> None:
        self._hall.spending.add(self._interaction, self._agent, spent)

    def _overhear(self, text: str) -> None:
        self._is_heard = True
        self._hall.overhear(self._interaction, text)

    def _day(self) -> str:
        return day_of(self._hall.clock.now())


def _spent(attempt: Attempt) -> Spent:
    return Spent(attempt.input_tokens + attempt.output_tokens, attempt.cost_micros or 0)


def _tokens_of(step: ModelStep) -> int:
    return sum(_spent(attempt).tokens for attempt in step.attempts)


def _step(choice: ModelChoice, request: ModelRequest, tried: list[Tried]) -> ModelStep:
    last = tried[-1] if tried else Tried(Attempt(ended="left alone for a while", cost_micros=0))
    return ModelStep(
        use=choice.use, params=request.params, attempts=tuple(one.attempt for one in tried),
        answer=last.answer, failed="" if last.answer is not None else last.attempt.ended,
    )  # fmt: skip
