"""What people are told when another engine than the first one writes."""

from __future__ import annotations

from inference.engine import Engine


def model_of(engine: Engine) -> str:
    """The name that people know, without where it runs."""
    return engine.name.partition(": ")[2] or engine.name


def about(name: str, sentence: str) -> str:
    """A sentence about "the model", or about "it", says which one is meant."""
    for subject in ("The model ", "It "):
        if sentence.startswith(subject) and not sentence.startswith("The model service "):
            return f"{name} {sentence.removeprefix(subject)}"
    return f"{name}: {sentence}"


class Notes:
    """Of the engines that do not write, by their names."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}

    def add(self, engine: Engine, sentence: str) -> None:
        if sentence:
            self._notes[engine.name] = sentence

    def beside(self, writer: Engine) -> str:
        """Copies of a service share a name: that one of them is away matters to nobody while another one writes."""
        return " ".join(dict.fromkeys(note for name, note in self._notes.items() if name != writer.name))
