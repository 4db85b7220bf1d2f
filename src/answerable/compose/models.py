"""Which adapter an agent's model goes through; imported only where an agent declares a model."""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module

from answerable.agents.domain import Blueprint
from answerable.agents.model import ModelChoice, choice_of
from answerable.base.errors import UsageError
from answerable.sdk.port import Model

_STARTED = "Nothing was started."


def models_of(blueprints: Sequence[Blueprint], instead: Mapping[str, Model]) -> dict[str, Model]:
    """What each agent thinks with; `instead` goes before what it declares. Raises UsageError."""
    models = dict(instead)
    for blueprint in blueprints:
        choice = choice_of(blueprint.model)
        if choice is not None and blueprint.agent not in models:
            models[blueprint.agent] = _model(blueprint.agent, choice)
        if blueprint.agent in models:
            _check_price(blueprint, models[blueprint.agent])
    return models


def _model(agent: str, choice: ModelChoice) -> Model:
    key = os.environ.get(choice.key_env, "") if choice.key_env else ""
    if choice.key_env and not key:
        raise UsageError(
            f"Agent '{agent}' thinks with '{choice.use}', and its key is not in the environment.",
            _STARTED,
            f"export {choice.key_env}=...",
        )
    try:
        adapter = import_module("answerable.adapters.models.pydantic_ai")
    except ImportError as error:
        raise UsageError(
            f"Agent '{agent}' thinks with '{choice.use}', and the packages for models are not"
            " installed.",
            _STARTED,
            "install Answerable with its extra `llm`; in a clone: `make dev-env`",
        ) from error
    made: Model = adapter.PydanticModel(choice, key)
    return made


def _check_price(blueprint: Blueprint, model: Model) -> None:
    """A budget in money that nobody can count is none."""
    if blueprint.budget.cost_micros_per_day is not None and model.price(1, 1) is None:
        raise UsageError(
            f"Agent '{blueprint.agent}' has a budget in money, and the price of its model is not"
            " known.",
            _STARTED,
            "give `input_micros_per_million` and `output_micros_per_million` in its model, or a"
            " budget in tokens",
        )
