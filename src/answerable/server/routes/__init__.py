"""Every route of the API, one row each."""

from answerable.server.routes import cases, control, desk, health, keys, ledger, messages
from answerable.server.table import Route

ROUTES: tuple[Route, ...] = (
    *messages.ROUTES,
    *cases.ROUTES,
    *ledger.ROUTES,
    *desk.ROUTES,
    *control.ROUTES,
    *keys.ROUTES,
    *health.ROUTES,
)
