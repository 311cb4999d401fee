"""Sequences, words and paths: encoded where they change, attended to at every step."""

import math
from abc import abstractmethod
from typing import Any, NamedTuple

import torch
from gymnasium import Space
from torch import Tensor, nn

from vln.agent import Memory
from vln.agents.config import AgentConfig
from vln.language import PADDING, UNKNOWN
from vln.spaces import Path, Words

HEADS = 3  # of InstructionEncoder: how many words of an instruction it can pick out at once
KEPT = ("items", "whole", "real")  # what is kept of a sequence
GROUP = 16  # instructions: in smaller groups than this, reading them apart costs more than reading padding saves


class EncodedSequence(NamedTuple):
    """N sequences: their items (words, hops) [N, L, size] and which are real [N, L]; and at every moment the whole
    [T, B, size] of its sequence, and which of the sequences that is [T, B]."""

    items: Tensor
    real: Tensor
    whole: Tensor
    which: Tensor


class SequenceEncoder(nn.Module):
    """Sequences as vectors, all of one size: one for each item, and one for the whole.

    word_rows: the names of its weights that have a row for every token id. It is made as an Encoder is.
    """

    size: int
    word_rows: tuple[str, ...] = ()

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, sequences: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Items [N, L, size], the whole [N, size] and which items are real [N, L], for sequences [N, length, ...]."""


class InstructionEncoder(SequenceEncoder):
    """An LSTM over the words of an instruction, forwards or in both directions.

    A word's vector is its embedding plus what the LSTM makes of it in its place; the whole is what several heads pick
    out of these. So a colour or a name reaches the whole at once and need not be carried to the last word. Padding is
    never read: the backward direction begins at the last word. The share `word_dropout` of the words is read as an
    unknown one while training.
    """

    word_rows = ("embed.weight",)

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Words)
        directions = 2 if config.bidirectional else 1
        self.size, self.word_dropout = config.word_dim, config.word_dropout
        size = self.size
        if size < 1:
            raise ValueError("a word's vector has at least one number where sentences are read; word_dim is 0")
        if size % directions:
            raise ValueError(f"two directions share a vector of {size} numbers: take an even size")
        self.embed = nn.Embedding(space.vocabulary, size, padding_idx=PADDING)
        self.lstms = nn.ModuleList(nn.LSTM(size, size // directions) for _ in range(directions))
        self.pick = nn.Linear(size, HEADS)
        self.join = nn.Linear(HEADS * size, size)

    def forward(self, sequences: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        tokens = sequences
        if self.training and self.word_dropout > 0:
            unheard = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            tokens = tokens.masked_fill(unheard & (tokens != PADDING), UNKNOWN)
        # An instruction without words is read as one word of padding: attention must have something to attend to.
        lengths = (tokens != PADDING).sum(dim=1).clamp(min=1)
        longest = int(lengths.max())
        real = torch.arange(longest, device=tokens.device) < lengths[:, None]
        embedded = self.embed(tokens[:, :longest])
        words = embedded + self._by_length(embedded, lengths)
        picked = self.pick(words).float().masked_fill(~real[..., None], -math.inf).softmax(dim=1).to(words.dtype)
        whole = self.join(torch.einsum("nlh,nls->nhs", picked, words).flatten(1))
        return words, whole, real

    def _by_length(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """As `_in_place`, the short instructions apart from the long, so that a long one does not slow all others."""
        groups = min(4, len(lengths) // GROUP)
        if groups < 2:
            return self._in_place(embedded, lengths)
        order = lengths.argsort(stable=True)
        read = []
        for group in order.chunk(groups):
            longest = int(lengths[group[-1]])
            words = self._in_place(embedded[group, :longest], lengths[group])
            read.append(nn.functional.pad(words, (0, 0, 0, embedded.shape[1] - longest)))
        return torch.cat(read)[order.argsort()]

    def _in_place(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """What the LSTM makes of every word, [N, L, size]."""
        forwards, _ = self.lstms[0](embedded.transpose(0, 1))
        if len(self.lstms) == 1:
            return forwards.transpose(0, 1)
        # Each row is turned round within its own length, read, and turned back.
        places = (lengths[:, None] - 1 - torch.arange(embedded.shape[1], device=lengths.device)).clamp(min=0)
        turned = embedded.gather(1, places[..., None].expand_as(embedded))
        backwards, _ = self.lstms[1](turned.transpose(0, 1))
        backwards = backwards.transpose(0, 1)
        backwards = backwards.gather(1, places[..., None].expand_as(backwards))
        return torch.cat([forwards.transpose(0, 1), backwards], dim=-1)


class EncodedInstruction(NamedTuple):
    """What was read: words [N, L, size] of N instructions and which words are real [N, L]; and at every moment the
    whole [T, B, size] of its instruction, and which of the instructions that is [T, B]."""

    words: Tensor
    real: Tensor
    whole: Tensor
    which: Tensor


class PathEncoder(SequenceEncoder):
    """An LSTM in both directions over the hops of a path (Fried et al. 2018, arXiv:1806.02724).

    The whole is the mean of the hops; rows of zeros are none.
    """

    def __init__(self, space: Space[Any], context: int, config: AgentConfig) -> None:
        super().__init__(space, context, config)
        assert isinstance(space, Path)
        if config.hidden % 2:
            raise ValueError(f"two directions share a vector of {config.hidden} numbers: take an even size")
        self.size = config.hidden
        self.see = nn.Linear(space.shape[-1], config.view_dim)
        self.walk = nn.LSTM(config.view_dim, config.hidden // 2, bidirectional=True)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, sequences: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        real = (sequences != 0).any(dim=-1)
        real[:, 0] = True  # there must be something to attend to
        longest = int(real.sum(dim=1).max())
        path, real = sequences[:, :longest], real[:, :longest]
        seen = self.dropout(self.see(path.to(self.see.weight.dtype)).relu())
        lengths = real.sum(dim=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(seen, lengths, batch_first=True, enforce_sorted=False)
        hops, _ = nn.utils.rnn.pad_packed_sequence(self.walk(packed)[0], batch_first=True)
        return hops, (hops * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True), real


def read_window(
    encoder: SequenceEncoder, sequences: Tensor, episode_starts: Tensor, changes: bool = False
) -> EncodedSequence:
    """What is known of the sequence at every moment [T, B] of a window, for sequences [T, B, length, ...].

    One that changes only where an episode begins is read there, and not at every step; others where they change.
    """
    begins = episode_starts.clone()
    begins[0] = True
    if changes:
        begins[1:] |= (sequences[1:] != sequences[:-1]).flatten(2).any(dim=-1)
    number = begins.flatten().cumsum(0).view_as(begins) - 1
    latest = torch.where(begins, number, -1).cummax(dim=0).values
    items, whole, real = encoder(sequences[begins])
    return EncodedSequence(items, real, whole[latest], latest)


def read_moment(
    encoder: SequenceEncoder,
    name: str,
    sequences: Tensor,
    memory: Memory,
    episode_starts: Tensor,
    changes: bool = False,
) -> tuple[EncodedSequence, Memory]:
    """The same for one moment, [1, B], sequences [B, length, ...]; and what is kept in memory until the next episode.

    So many items of each sequence are kept, real or not, as the longest had that was read so far. name: of the
    observation, which what is kept is called by.
    """
    names = [f"{name}.{part}" for part in KEPT]
    items, whole, real = (None if changes else memory.get(part) for part in names)
    if items is None or whole is None or real is None:
        items, whole, real = encoder(sequences)
    elif episode_starts.any():
        new = encoder(sequences[episode_starts])
        items, whole, real = (_renewed(*both, episode_starts) for both in zip((items, whole, real), new, strict=True))
    which = torch.arange(len(sequences), device=sequences.device)[None]
    kept = dict(zip(names, (items, whole, real), strict=True))
    return EncodedSequence(items, real, whole[None], which), {} if changes else kept


def _renewed(kept: Tensor, read: Tensor, episode_starts: Tensor) -> Tensor:
    """What is kept of every slot [B, n, ...], with what was read in those that start; a row is as long as either's."""
    longest = max(kept.shape[1], read.shape[1])
    renewed = kept.new_zeros(len(kept), longest, *kept.shape[2:])
    renewed[:, : kept.shape[1]] = kept
    renewed[episode_starts] = 0
    renewed[episode_starts, : read.shape[1]] = read.to(kept.dtype)
    return renewed
