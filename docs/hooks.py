"""Maths as MathML, and the roles of docstrings, in every page: nothing is fetched to show them."""

import re
from xml.etree.ElementTree import Element, fromstring

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"


class InlineMaths(InlineProcessor):
    """`$...$` in pages and ``:math:`...` `` in docstrings."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[Element, int, int]:  # noqa: ARG002, N802 - Markdown's names
        """Puts an element in the place of the maths."""
        return _mathml(m[1], display="inline"), m.start(0), m.end(0)


class Role(InlineProcessor):
    """``:func:`~package.name` `` and its like: the name as code, short where it has a tilde."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[Element, int, int]:  # noqa: ARG002, N802 - Markdown's names
        """Puts the name in the place of the role."""
        code = Element("code")
        code.text = m[2].rsplit(".", 1)[-1] if m[1] else m[2]
        return code, m.start(0), m.end(0)


class DisplayedMaths(BlockProcessor):
    """A block in `$$`, or below `.. math::` in a docstring."""

    def test(self, parent: Element, block: str) -> bool:  # noqa: ARG002 - Markdown's name
        """Tells whether a block begins such a one."""
        return block.startswith((".. math::", "$$"))

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Puts an element in the place of the block."""
        block = blocks.pop(0)
        if block.startswith("$$"):
            parent.append(_mathml(block.strip().strip("$"), display="block"))
            return
        lines = block.splitlines()
        indented = [line for line in lines[1:] if line.startswith("    ")]
        if not indented and blocks and blocks[0].startswith("    "):
            indented = blocks.pop(0).splitlines()
        rest = lines[1 + len(indented) :] if len(lines) > 1 else []
        parent.append(_mathml(" ".join(line.strip() for line in indented), display="block"))
        if rest:
            blocks.insert(0, "\n".join(rest))


class Examples(Preprocessor):
    """Puts what begins with `>>>`, up to the next empty line, between fences."""

    def run(self, lines: list[str]) -> list[str]:
        """Goes through the lines of a page or a docstring."""
        done: list[str] = []
        fenced, example, indent = False, False, ""
        for line in [*lines, ""]:
            text = line.lstrip()
            fenced ^= text.startswith("```")
            if not fenced and not example and text.startswith(">>>"):
                indent = line[: len(line) - len(text)]
                done.append(f"{indent}```pycon")
                example = True
            elif example and not text:
                done.append(f"{indent}```")
                example = False
            done.append(line)
        return done


class Maths(Extension):
    """All of them."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        """Registers them before code spans are read."""
        md.preprocessors.register(Examples(md), "examples", 28)  # before fences are read
        md.parser.blockprocessors.register(DisplayedMaths(md.parser), "maths", 175)
        md.inlinePatterns.register(InlineMaths(r":math:`([^`]+)`", md), "math-role", 195)
        md.inlinePatterns.register(
            Role(r":(?:func|class|meth|data|mod|attr):`(~?)([^`]+)`", md), "role", 194
        )
        md.inlinePatterns.register(
            InlineMaths(r"(?<![\\$\w])\$([^$\n`]+?)\$(?![\w$])", md), "maths", 189
        )


def _mathml(latex: str, *, display: str) -> Element:
    latex = re.sub(r"\\tfrac", r"\\frac", " ".join(latex.split()))
    # without its namespace, which Markdown would write into the name of every tag
    text = convert(latex, display=display).replace(f' xmlns="{_NAMESPACE}"', "")
    return fromstring(text)  # noqa: S314 - made here


@event_priority(100)  # before the reference is rendered
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the extension to pages and docstrings alike."""
    config.markdown_extensions.append(Maths())
    return config
