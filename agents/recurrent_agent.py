"""The recurrent agent: encoders by space, a core, attention, and heads by action space."""

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import Space
from torch import Tensor, nn

from vln.agent import Agent, Decision, Memory, Observation
from vln.agents.encoders.encoder import MakeEncoder
from vln.agents.encoders.observations import ObservationEncoder
from vln.agents.encoders.sequences import (
    EncodedSequence,
    InstructionEncoder,
    PathEncoder,
    SequenceEncoder,
    read_moment,
    read_window,
)
from vln.agents.recurrent.core import Recurrent
from vln.spaces import Candidates, Codes, LastAction, Location, Path, Picture, Pose, Possible, Words, typed

from .attention import SequenceAttention, SpatialAttention
from .config import DEFAULT, AgentConfig
from .heads import head_for
from .parts import Parts

Spaces = Mapping[str, Space[Any]]
OF_PLACES = (Picture, Location, Codes, Candidates, Words, Pose, LastAction)  # what is shown in a place to explore
Sequences = dict[str, EncodedSequence]


class RecurrentAgent(Agent):
    """Encodes what it observes, remembers, attends to what it was told and to what it sees, and decides.

    spaces: of single observations, by name, plain or typed (see vln.spaces). action_space: of its actions.
    num_answers: of the world's question; 0 for none. scores_answers: whether answers are scored: they
    are then given from memory. Elsewhere the question is an aside, answered from the views and the instruction alone,
    so that what is learned by answering is to see what is meant; an agent that lacks one of these gives no answer.
    encoders: by the name of an observation, what makes its encoder in place of ours (see encoders.encoder.Encoder).

    Raises ValueError for a space that may be several things, or that no encoder or head is for.
    """

    def __init__(
        self,
        spaces: Spaces,
        action_space: Space[Any],
        num_answers: int = 0,
        config: AgentConfig = DEFAULT,
        scores_answers: bool = False,
        encoders: Mapping[str, MakeEncoder] | None = None,
    ) -> None:
        super().__init__()
        own = encoders or {}
        if unknown := set(own) - set(spaces):
            raise ValueError(f"no observation is called {sorted(unknown)}; there are {', '.join(sorted(spaces))}")
        known = {name: space if name in own else typed(space) for name, space in sorted(spaces.items())}
        self.readers = Parts(_readers(known, config, own))
        self.changes = {name: getattr(known[name], "changes", False) for name, _ in self.readers.items()}
        # What is told of attention is that over the words of an instruction.
        told = [name for name, changes in self.changes.items() if isinstance(known[name], Words) and not changes]
        self.instruction = told[0] if told else None
        context = sum(reader.size for _, reader in self.readers.items())
        moments = {name: space for name, space in known.items() if name not in self.readers}
        self.mask, self.pointed = _mask(moments), _pointed(moments, own)
        self.encoders = ObservationEncoder(moments, context, config, own)
        # Where nothing at all is observed, the core goes by its own state alone.
        self.core = Recurrent.of(config, max(1, context + self.encoders.size))
        self.attention, self.look = self._attend(config)
        in_mind = config.hidden + sum(self.readers[name].size for name, _ in self.attention.items())
        looks = config.word_dim * len(self.look) if self.look else 0
        self.join = nn.Linear(in_mind + looks, config.hidden) if in_mind + looks > config.hidden else None
        self.dropout = nn.Dropout(config.dropout)
        masked = int(known[self.mask].n) if self.mask else 0  # type: ignore[attr-defined]  # of a Possible
        explores = any(isinstance(space, OF_PLACES) for space in known.values())
        self.policy = head_for(action_space, config, explores, _count(moments, self.pointed), masked)
        self.value = nn.Linear(config.hidden, 1)
        self.from_memory = scores_answers
        self.head_detach = config.head_detach if scores_answers and num_answers else 0.0
        seen = config.hidden if scores_answers else self.encoders.seen_size if self.readers else 0
        self.answer = nn.Linear(seen, num_answers) if num_answers and seen else None
        self.word_rows = tuple(
            f"readers.{self.readers.weight_name(name, rows)}"
            for name, reader in self.readers.items()
            for rows in reader.word_rows
        )

    def _attend(self, config: AgentConfig) -> tuple[Parts, Parts]:
        """What attends to sequences, and to the places of views, by their names."""
        attention, look, hidden = {}, {}, config.hidden
        if self.readers and config.attention:
            attention = {name: SequenceAttention(hidden, reader.size) for name, reader in self.readers.items()}
        in_mind = hidden + sum(self.readers[name].size for name in attention)
        places = {name: encoder for name, encoder in self.encoders.by_name.items() if getattr(encoder, "channels", 0)}
        if places and config.spatial_attention:
            look = {
                name: SpatialAttention(in_mind, encoder.channels, encoder.directions, config.word_dim)
                for name, encoder in places.items()
            }
        return Parts(attention), Parts(look)

    def initial(self, batch: int) -> Memory:
        return {"core": self.core.initial(batch)}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        read = {
            name: read_window(reader, observation[name], episode_starts, self.changes[name])
            for name, reader in self.readers.items()
        }
        decision, core = self._decide(observation, memory["core"], episode_starts, read)
        return decision, {"core": core}

    def step(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        """As `forward` for one moment; the sequences that were read are kept in memory until the next episode."""
        moment = {name: values[None] for name, values in observation.items()}
        read: Sequences = {}
        kept: Memory = {}
        for name, reader in self.readers.items():
            read[name], more = read_moment(reader, name, observation[name], memory, episode_starts, self.changes[name])
            kept |= more
        decision, core = self._decide(moment, memory["core"], episode_starts[None], read)
        return decision[0], {"core": core, **kept}

    def _decide(
        self, observation: Observation, core: Tensor, episode_starts: Tensor, read: Sequences
    ) -> tuple[Decision, Tensor]:
        """Decisions [T, B] and the core's memory after them."""
        wholes = [sequence.whole for sequence in read.values()]
        context = torch.cat(wholes, dim=-1) if wholes else None
        seen = self.encoders(observation, context)
        inputs = [part for part in (context, seen.vector) if part is not None]
        if not inputs:
            inputs = [self.value.weight.new_zeros(*episode_starts.shape, 1)]
        hidden, core = self.core(self.dropout(torch.cat(inputs, dim=-1)), core, episode_starts)
        mind, weights = [hidden], {}
        for name, attention in self.attention.items():
            attended, weights[name] = attention(hidden, read[name])
            mind.append(attended)
        asking = torch.cat(mind, dim=-1) if self.look else hidden
        mind += [look(asking, seen.parts[name].places, seen.parts[name].real) for name, look in self.look.items()]
        if self.join:
            hidden = torch.relu(self.join(torch.cat(mind, dim=-1)))
        hidden = self.dropout(hidden)
        answer = None
        if self.answer:
            answer = self.answer(hidden if self.from_memory else self.encoders.seen(seen)).float()
        if self.head_detach:
            hidden = hidden.lerp(hidden.detach(), self.head_detach)
        candidates = seen.parts[self.encoders.together] if self.pointed else None
        policy = self.policy(hidden, candidates, observation[self.mask] if self.mask else None)
        attending = weights.get(self.instruction) if self.instruction else None
        return Decision(policy, self.value(hidden).float().squeeze(-1), attending, answer), core


def _readers(spaces: Spaces, config: AgentConfig, own: Mapping[str, MakeEncoder]) -> dict[str, SequenceEncoder]:
    """What reads sequences."""
    readers: dict[str, SequenceEncoder] = {}
    for name, space in spaces.items():
        if isinstance(space, Words | Path):
            reader = own.get(name, InstructionEncoder if isinstance(space, Words) else PathEncoder)(space, 0, config)
            if not isinstance(reader, SequenceEncoder):
                raise ValueError(f"what reads {name} is a SequenceEncoder, not {type(reader).__name__}")
            readers[name] = reader
    return readers


def _mask(spaces: Spaces) -> str | None:
    """The name of the observation that tells which actions are possible."""
    masks = [name for name, space in spaces.items() if isinstance(space, Possible)]
    if len(masks) > 1:
        raise ValueError(f"one observation tells which actions are possible, not {masks}")
    return masks[0] if masks else None


def _pointed(spaces: Spaces, own: Mapping[str, MakeEncoder]) -> list[str]:
    """The names of candidates that are the actions."""
    return [
        name for name, space in spaces.items() if isinstance(space, Candidates) and space.actions and name not in own
    ]


def _count(spaces: Spaces, pointed: list[str]) -> int:
    return spaces[pointed[0]].shape[0] if pointed else 0  # type: ignore[index]  # of Candidates
