"""A command line that is not understood, in our words: what is wrong, and what there is instead.

The library that reads options says it in its own; each kind of its errors is one function here.
"""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import typer

GROUPS = ("app", "config", "service")  # commands that have commands

# What a value is not, as the library says it, and as we do.
_VALUES = (
    (re.compile(r"(.+) is not in the range x>=(\d+)\.", re.DOTALL), r"\1 is less than \2"),
    (re.compile(r"(.+) is not in the range x<=(\d+)\.", re.DOTALL), r"\1 is more than \2"),
    (re.compile(r"(.+) is not in the range (\d+)<=x<=(\d+)\.", re.DOTALL), r"\1 is not in \2..\3"),
    (re.compile(r"(.+) is not a valid int(?:eger)?(?: range)?\.", re.DOTALL), r"\1 is no whole number"),
    (re.compile(r"(?:File|Path) '(.+)' does not exist\.", re.DOTALL), r"there is no file \1"),
    (re.compile(r"Directory '(.+)' does not exist\.", re.DOTALL), r"there is no directory \1"),
    (re.compile(r"File '(.+)' is a directory\.", re.DOTALL), r"\1 is a directory"),
    (re.compile(r"Directory '(.+)' is a file\.", re.DOTALL), r"\1 is a file"),
    (re.compile(r"\w+ '(.+)' is not readable\.", re.DOTALL), r"\1 cannot be read"),
)
_CHOICE = re.compile(r"'(.*)' is not one of ('.*')\.", re.DOTALL)
_QUOTED = re.compile(r"'([^']*)'")
_COMMAND = re.compile(r"No such command '([^']*)'\..*", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)


def explained(error: typer.TyperException, args: list[str]) -> tuple[str, str]:
    """What is wrong with a command line, and where to look."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else _command(args)
    say = _BY_KIND.get(type(error).__name__, _other)
    return say(error), f"Try '{command} --help'."


def _command(args: list[str]) -> str:
    """The command, where the error does not know it."""
    words = args[: 2 if args[:1] and args[0] in GROUPS else 1]
    return " ".join(["weft", *(word for word in words if not word.startswith("-"))])


def _missing(error: Any) -> str:
    what = (error.param.help or "").rstrip(".")
    return f"{_name(error.param)} is missing" + (f": {what[:1].lower()}{what[1:]}" if what else "")


def _no_option(error: Any) -> str:
    near = sorted(error.possibilities or ())
    return f"there is no option {error.option_name}" + (f"; did you mean {near[0]}?" if near else "")


def _misused(error: Any) -> str:
    return f"{error.option_name} {'needs a value' if 'requires' in error.message else 'takes no value'}"


def _value(error: Any) -> str:
    """A value that is wrong: ours are sentences already, without the option that they are about."""
    if error.param is None:
        return str(error.message)
    text = error.message
    if found := _CHOICE.fullmatch(text):
        text = f"'{found[1]}' is not known; {_instead(found[1], _QUOTED.findall(found[2]))}"
    for pattern, words in _VALUES:
        text = pattern.sub(words, text)
    return f"{_name(error.param)}: {text}"


def _other(error: Any) -> str:
    text = error.format_message()
    commands = error.ctx.command.list_commands(error.ctx) if hasattr(getattr(error.ctx, "command", None), "list_commands") else []
    if found := _COMMAND.fullmatch(text):
        return f"there is no command '{found[1]}'; {_instead(found[1], commands)}"
    if text == "Missing command.":
        return f"say what to do: {', '.join(commands)}"
    if found := _EXTRA.fullmatch(text):
        return f"'{found[1]}' is more than this command takes"
    return str(text)


_BY_KIND: dict[str, Callable[[Any], str]] = {
    "MissingParameter": _missing,
    "NoSuchOption": _no_option,
    "BadOptionUsage": _misused,
    "BadParameter": _value,
}


def _name(param: Any) -> str:
    """An option by its longest name, an argument as the help has it."""
    if param.param_type_name == "option":
        return str(max(param.opts, key=len))
    return str(param.metavar or param.name.upper()).removesuffix("...")


def _instead(wrong: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(wrong, names, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
