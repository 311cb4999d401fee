"""Labels of every character of a text, to compare with an agent's memory."""

import io
import tokenize
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = dict[str, NDArray[Any]]

LONGEST_NAME = 40  # characters of a line that may say who speaks
FORMATTED_BEGINS, FORMATTED_ENDS = (getattr(tokenize, f"FSTRING_{end}", -1) for end in ("START", "END"))  # from 3.12 on
BETWEEN = {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}  # tokens that begin no line of code


def text_labels(text: str) -> Labels:
    """By name an array [characters]: bool, or float32 with NaN where it does not apply.

    Of every text: `column`, 0 at a line's end and 1 after its first character; `word`, how long the word is so far;
    `capitals`, inside a word of capital letters; and `speaker`, where there are any: inside a line, after an empty one,
    that ends in a colon, as plays say who speaks. Of Python source besides: `quotes`, inside a string;
    `short string` and `docstring`, one that opens with one quote or with three; `comment`; `if line`, from an if or
    elif to the end of its line; `depth`, in how many blocks a line of code is, unknown in its leading blanks;
    `brackets`, how many are open.
    """
    characters = np.array(list(text), dtype=np.str_)
    capital = np.char.isupper(characters)
    labels: Labels = {
        "column": _since(characters == "\n"),
        "word": _since(~np.char.isalpha(characters)),
        "capitals": capital & np.concatenate([[False], capital[:-1]]),
    }
    speaker = _speakers(text)
    return labels | ({"speaker": speaker} if speaker.any() else {}) | _python_labels(text)


def _since(ends: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How many places lie between here and the last of these ends, or the beginning; 0 at one."""
    place = np.arange(1, len(ends) + 1)
    return (place - np.maximum.accumulate(np.where(ends, place, 0))).astype(np.float32)


def _speakers(text: str) -> NDArray[np.bool_]:
    found, first, fresh = np.zeros(len(text), dtype=np.bool_), 0, True
    for line in text.split("\n"):
        if fresh and line.endswith(":") and len(line) <= LONGEST_NAME:
            found[first : first + len(line) - 1] = True
        fresh, first = not line, first + len(line) + 1
    return found


def _python_labels(text: str) -> Labels:
    """What only Python source has; nothing for a text that can't be read as such."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return {}
    if not any(token.type == tokenize.INDENT for token in tokens):
        return {}
    rows = np.cumsum([0, *(len(line) + 1 for line in text.split("\n"))])
    quotes, docstring, comment, condition = (np.zeros(len(text), dtype=np.bool_) for _ in range(4))
    depth, turns = np.full(len(text), np.nan, dtype=np.float32), np.zeros(len(text), dtype=np.float32)
    blocks, begun, test_start = 0, None, None  # in how many the line is; where it begins; where its if ends
    formatted: list[int] = []  # where the formatted strings begin that are still open
    for token in tokens:
        first, last = (int(rows[row - 1]) + column for row, column in (token.start, token.end))
        blocks += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if token.type == tokenize.NEWLINE:
            if begun is not None:
                depth[begun:first] = blocks
            if test_start is not None:
                condition[test_start:first] = True
            begun, test_start = None, None
        elif token.type == tokenize.COMMENT:
            comment[first:last] = True
        elif token.type not in BETWEEN and begun is None:
            begun, test_start = first, last if token.string in ("if", "elif") else None
        if token.type == FORMATTED_BEGINS:
            formatted.append(first)
        elif token.type in (tokenize.STRING, FORMATTED_ENDS):
            whole = formatted.pop() if token.type == FORMATTED_ENDS else first
            string = text[whole:last]
            opened = whole + len(string) - len(string.lstrip("bfrtuBFRTU"))
            quotes[opened : last - 1] = True  # its last character closes it
            docstring[opened : last - 1] = text[opened : opened + 3] in ('"""', "'''")
        elif token.type == tokenize.OP:
            turns[first] = (token.string in "([{") - (token.string in ")]}")
    return {
        "quotes": quotes,
        "short string": quotes & ~docstring,
        "docstring": docstring,
        "comment": comment,
        "if line": condition,
        "depth": depth,
        "brackets": turns.cumsum(dtype=np.float32),
    }
