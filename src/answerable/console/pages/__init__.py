"""Every page of the console, each in the file that is named after its question's noun."""

from answerable.console.page import Page
from answerable.console.pages import home

PAGES: tuple[Page, ...] = home.PAGES
