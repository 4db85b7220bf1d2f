"""What people look at: pages rendered here, each answering one question.

The server mounts `PAGES` at their paths and the folder `STATIC` at `/static`; it answers itself
`/login` (POST `secret`, `next`) and `/logout` (POST), and sends `CSP` with everything.
"""

from answerable.console.outside import error_page, login_page
from answerable.console.page import Ask, Page, Visit
from answerable.console.pages import PAGES
from answerable.console.render import STATIC

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style, nothing from elsewhere, in no frame."""

__all__ = ["CSP", "PAGES", "STATIC", "Ask", "Page", "Visit", "error_page", "login_page"]
