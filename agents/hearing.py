"""What agents that may be given words have in common: an instruction is read once an episode, not at every step."""

from abc import abstractmethod

from torch import Tensor

from vln.agent import Agent, Decision, Memory, Observation

from .memories import Recurrent
from .words import Read, Reader, read_moment, read_window


class Hearing(Agent):
    """An agent with a recurrent core, and a reader where words are given; what it decides is left to be said."""

    word_rows = ("reader.embed.weight",)
    reader: Reader | None
    core: Recurrent

    @abstractmethod
    def decide(
        self, observation: Observation, core: Tensor, starts: Tensor, read: Read | None
    ) -> tuple[Decision, Tensor]:
        """Decisions [T, B] and the core's memory after them, from what is seen and what was read, if anything was."""

    def initial(self, batch: int) -> Memory:
        return {"core": self.core.initial(batch)}

    def forward(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        read = read_window(self.reader, observation["instruction"], starts) if self.reader else None
        decision, core = self.decide(observation, memory["core"], starts, read)
        return decision, {"core": core}

    def step(self, observation: Observation, memory: Memory, starts: Tensor) -> tuple[Decision, Memory]:
        """As `forward` for one moment; the words that were read are kept in memory until the next episode."""
        moment = {name: values[None] for name, values in observation.items()}
        read, kept = read_moment(self.reader, observation["instruction"], memory, starts) if self.reader else (None, {})
        decision, core = self.decide(moment, memory["core"], starts[None], read)
        return decision[0], {"core": core, **kept}
