"""Markdown as HTML, with formulas converted, links turned to pages of the site, and tables in boxes that scroll."""

import re
from collections.abc import Mapping

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from hmlm_lib.site import formulas

_FORMULA = r"<math(?:(?!</math>).)*</math>"
_PUNCTUATED = re.compile(rf"[(\[]+{_FORMULA}[)\].,;:]*|{_FORMULA}[)\].,;:]+")  # no line may end within


class Text:
    """The text of one page.

    where: name of the page in errors. links: link as written -> link in the site.
    headings: (level, id, HTML) of every heading rendered so far, for the list of contents.
    """

    def __init__(self, where: str, links: Mapping[str, str]) -> None:
        self.where, self.links = where, links
        self.headings: list[tuple[int, str, str]] = []

    def html(self, markdown: str) -> str:
        """HTML of a piece of the page; RunError for a formula that cannot be converted."""
        return _PUNCTUATED.sub(
            r'<span class="kept">\g<0></span>', MarkdownWithMath(renderer=_Renderer(self)).render(markdown)
        )

    def anchor(self, text: str) -> str:
        """A heading's id: its words joined by dashes, with a number where the page has that id already."""
        words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"<[^>]*>", "", text).lower()).strip("-") or "part"
        taken = {name for _, name, _ in self.headings}
        return next(name for name in (words, *(f"{words}-{n}" for n in range(2, 1000))) if name not in taken)


class _Renderer(IPythonRenderer):
    def __init__(self, page: Text) -> None:
        super().__init__(escape=False)
        self.page = page

    def block_math(self, body: str) -> str:
        return formulas.displayed(body, self.page.where)

    def inline_math(self, body: str) -> str:
        return formulas.inline(body, self.page.where)

    def latex_environment(self, name: str, body: str) -> str:
        return formulas.displayed(rf"\begin{{{name}}}{body}\end{{{name}}}", self.page.where)

    def heading(self, text: str, level: int, **attributes: object) -> str:
        anchor = self.page.anchor(text)
        self.page.headings.append((level, anchor, text))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, self.page.links.get(url, url), title)

    def table(self, text: str) -> str:
        return f'<div class="scroll"><table>\n{text}</table></div>\n'
