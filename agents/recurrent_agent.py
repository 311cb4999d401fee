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
OF_PLACES = (Picture, Location, Codes, Candidates, Words, Pose, LastAction)  # observations of a place to explore
Sequences = dict[str, EncodedSequence]


class RecurrentAgent(Agent):
    """Encoders, a recurrent core, attention over words and places, and heads for policy, value and answer.

    spaces: spaces of single observations, by name, plain or typed (see vln.spaces). action_space: space of an action.
    num_answers: number of answers to the world's question; 0 without one. scores_answers: whether answers are scored;
    they are then computed from memory. Elsewhere the question is an auxiliary task, answered from the views and the
    instruction alone, which teaches to see what words mean; an agent without one of these gives no answer.
    encoders: makers of encoders, by the name of their observation, in place of ours (see encoders.encoder.Encoder).

    Raises ValueError for an ambiguous space, and for one without an encoder or a head.
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
        typed_spaces = {name: space if name in own else typed(space) for name, space in sorted(spaces.items())}
        self.readers = Parts(_readers(typed_spaces, config, own))
        self.changes = {name: getattr(typed_spaces[name], "changes", False) for name, _ in self.readers.items()}
        # A Decision's attention is that over the words of an instruction.
        instructions = [
            name for name, changes in self.changes.items() if isinstance(typed_spaces[name], Words) and not changes
        ]
        self.instruction = instructions[0] if instructions else None
        context = sum(reader.size for _, reader in self.readers.items())
        step_spaces = {name: space for name, space in typed_spaces.items() if name not in self.readers}
        self.mask, self.pointed = _mask(step_spaces), _pointed(step_spaces, own)
        self.encoders = ObservationEncoder(step_spaces, context, config, own)
        # Without observations the core's input is a single 0.
        self.core = Recurrent.of(config, max(1, context + self.encoders.size))
        self.attention, self.look = self._attend(config)
        size = config.hidden + sum(self.readers[name].size for name, _ in self.attention.items())
        size += config.word_dim * len(self.look) if self.look else 0
        self.join = nn.Linear(size, config.hidden) if size > config.hidden else None
        self.dropout = nn.Dropout(config.dropout)
        masked = int(typed_spaces[self.mask].n) if self.mask else 0  # type: ignore[attr-defined]  # of a Possible
        explores = any(isinstance(space, OF_PLACES) for space in typed_spaces.values())
        self.policy = head_for(action_space, config, explores, _count(step_spaces, self.pointed), masked)
        self.value = nn.Linear(config.hidden, 1)
        self.from_memory = scores_answers
        self.head_detach = config.head_detach if scores_answers and num_answers else 0.0
        inputs = config.hidden if scores_answers else self.encoders.seen_size if self.readers else 0
        self.answer = nn.Linear(inputs, num_answers) if num_answers and inputs else None
        self.word_rows = tuple(
            f"readers.{self.readers.weight_name(name, rows)}"
            for name, reader in self.readers.items()
            for rows in reader.word_rows
        )

    def _attend(self, config: AgentConfig) -> tuple[Parts, Parts]:
        """Attention over sequences, and over the places of views, by their names."""
        attention, look, hidden = {}, {}, config.hidden
        if self.readers and config.attention:
            attention = {name: SequenceAttention(hidden, reader.size) for name, reader in self.readers.items()}
        query = hidden + sum(self.readers[name].size for name in attention)
        places = {name: encoder for name, encoder in self.encoders.by_name.items() if getattr(encoder, "channels", 0)}
        if places and config.spatial_attention:
            look = {
                name: SpatialAttention(query, encoder.channels, encoder.directions, config.word_dim)
                for name, encoder in places.items()
            }
        return Parts(attention), Parts(look)

    def initial(self, batch: int) -> Memory:
        return {"core": self.core.initial(batch)}

    def forward(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        sequences = {
            name: read_window(reader, observation[name], episode_starts, self.changes[name])
            for name, reader in self.readers.items()
        }
        decision, core = self._decide(observation, memory["core"], episode_starts, sequences)
        return decision, {"core": core}

    def step(self, observation: Observation, memory: Memory, episode_starts: Tensor) -> tuple[Decision, Memory]:
        """As `forward` for one step; encoded sequences stay in memory until the next episode."""
        one_step = {name: values[None] for name, values in observation.items()}
        sequences: Sequences = {}
        encoded: Memory = {}
        for name, reader in self.readers.items():
            sequences[name], parts = read_moment(
                reader, name, observation[name], memory, episode_starts, self.changes[name]
            )
            encoded |= parts
        decision, core = self._decide(one_step, memory["core"], episode_starts[None], sequences)
        return decision[0], {"core": core, **encoded}

    def _decide(
        self, observation: Observation, core: Tensor, episode_starts: Tensor, sequences: Sequences
    ) -> tuple[Decision, Tensor]:
        """Decisions [T, B] and the core's memory after them."""
        wholes = [sequence.whole for sequence in sequences.values()]
        context = torch.cat(wholes, dim=-1) if wholes else None
        encoded = self.encoders(observation, context)
        inputs = [part for part in (context, encoded.vector) if part is not None]
        if not inputs:
            inputs = [self.value.weight.new_zeros(*episode_starts.shape, 1)]
        hidden, core = self.core(self.dropout(torch.cat(inputs, dim=-1)), core, episode_starts)
        features, weights = [hidden], {}
        for name, attention in self.attention.items():
            attended, weights[name] = attention(hidden, sequences[name])
            features.append(attended)
        query = torch.cat(features, dim=-1) if self.look else hidden
        parts = encoded.parts
        features += [look(query, parts[name].places, parts[name].real) for name, look in self.look.items()]
        if self.join:
            hidden = torch.relu(self.join(torch.cat(features, dim=-1)))
        hidden = self.dropout(hidden)
        answer = None
        if self.answer:
            answer = self.answer(hidden if self.from_memory else self.encoders.seen(encoded)).float()
        if self.head_detach:
            hidden = hidden.lerp(hidden.detach(), self.head_detach)
        candidates = parts[self.encoders.together] if self.pointed else None
        policy = self.policy(hidden, candidates, observation[self.mask] if self.mask else None)
        word_weights = weights.get(self.instruction) if self.instruction else None
        return Decision(policy, self.value(hidden).float().squeeze(-1), word_weights, answer), core


def _readers(spaces: Spaces, config: AgentConfig, own: Mapping[str, MakeEncoder]) -> dict[str, SequenceEncoder]:
    """Encoders of sequences, by the name of their observation."""
    readers: dict[str, SequenceEncoder] = {}
    for name, space in spaces.items():
        if isinstance(space, Words | Path):
            reader = own.get(name, InstructionEncoder if isinstance(space, Words) else PathEncoder)(space, 0, config)
            if not isinstance(reader, SequenceEncoder):
                raise ValueError(f"the encoder of {name} is a SequenceEncoder, not {type(reader).__name__}")
            readers[name] = reader
    return readers


def _mask(spaces: Spaces) -> str | None:
    """The name of the observation of possible actions."""
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
