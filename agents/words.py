"""Reading: an instruction's words as vectors, its whole as one, and attention over its words."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vln.agent import Memory
from vln.language import PADDING, UNKNOWN

HEADS = 3  # of the reader: how many words of an instruction it can pick out at once
READ = ("words", "whole", "real")  # what is kept of an instruction
GROUP = 16  # instructions: in smaller groups than this, reading them apart costs more than reading padding saves


class Reader(nn.Module):
    """An LSTM over the words of an instruction, forwards or in both directions.

    A word's vector is its embedding plus what the LSTM makes of it in its place; the whole is what several heads pick
    out of these. So a colour or a name reaches the whole at once and need not be carried to the last word. Padding is
    never read: the backward direction begins at the last word.
    """

    def __init__(self, vocabulary: int, size: int = 64, bidirectional: bool = False, mumble: float = 0.0) -> None:
        """mumble: the share of words that are read as an unknown one while training."""
        super().__init__()
        directions = 2 if bidirectional else 1
        if size % directions:
            raise ValueError(f"two directions share a vector of {size} numbers: take an even size")
        self.size, self.mumble = size, mumble
        self.embed = nn.Embedding(vocabulary, size, padding_idx=PADDING)
        self.lstms = nn.ModuleList(nn.LSTM(size, size // directions) for _ in range(directions))
        self.pick = nn.Linear(size, HEADS)
        self.join = nn.Linear(HEADS * size, size)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Words [N, L, size], the whole [N, size] and which words are real [N, L], for token ids [N, L]."""
        if self.training and self.mumble > 0:
            unheard = torch.rand(tokens.shape, device=tokens.device) < self.mumble
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


class Read(NamedTuple):
    """What was read: words [N, L, size] of N instructions and which words are real [N, L]; and at every moment the
    whole [T, B, size] of its instruction, and which of the instructions that is [T, B]."""

    words: Tensor
    real: Tensor
    whole: Tensor
    which: Tensor


class Attention(nn.Module):
    """Soft dot-product attention over words (Luong et al. 2015, arXiv:1508.04025)."""

    def __init__(self, query: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size, bias=False)

    def forward(self, query: Tensor, read: Read) -> tuple[Tensor, Tensor]:
        """What was attended to [T, B, size] and the weights [T, B, L], for what was in mind [T, B, query]."""
        time, slots = read.which.shape
        asked = self.ask(query) / math.sqrt(read.words.shape[-1])
        # What is asked is brought to the instructions, and not the words of each to every moment: they are many more.
        column = torch.arange(time, device=query.device)[:, None].expand(time, slots)
        together = asked.new_zeros(len(read.words), time, asked.shape[-1])
        together[read.which, column] = asked
        scores = torch.bmm(together, read.words.transpose(1, 2)).float()
        weights = scores.masked_fill(~read.real[:, None], -math.inf).softmax(dim=-1).to(read.words.dtype)
        heard = torch.bmm(weights, read.words)
        return heard[read.which, column], weights[read.which, column]


def read_window(reader: Reader, tokens: Tensor, starts: Tensor) -> Read:
    """What is known of the instruction at every moment [T, B] of a window, for tokens [T, B, L].

    An instruction changes only where an episode begins, so each is read once and not at every step.
    """
    begins, latest = beginnings(starts)
    words, whole, real = reader(tokens[begins])
    return Read(words, real, whole[latest], latest)


def beginnings(starts: Tensor) -> tuple[Tensor, Tensor]:
    """Where something that stays as it is through an episode is new to a window, bool [T, B], and of every moment the
    number of the latest such place in its slot, [T, B]; they are numbered in the order in which a mask takes them."""
    begins = starts.clone()
    begins[0] = True
    number = begins.flatten().cumsum(0).view_as(begins) - 1
    return begins, torch.where(begins, number, -1).cummax(dim=0).values


def read_moment(reader: Reader, tokens: Tensor, memory: Memory, starts: Tensor) -> tuple[Read, Memory]:
    """The same for one moment, [1, B], tokens [B, L]; and what was read, to be kept in memory until the next episode.

    So many words of each instruction are kept, real or not, as the longest had that was read so far.
    """
    words, whole, real = (memory.get(name) for name in READ)
    if words is None or whole is None or real is None:
        words, whole, real = reader(tokens)
    elif starts.any():
        heard = reader(tokens[starts])
        words, whole, real = (_renewed(*of, starts) for of in zip((words, whole, real), heard, strict=True))
    which = torch.arange(len(tokens), device=tokens.device)[None]
    return Read(words, real, whole[None], which), dict(zip(READ, (words, whole, real), strict=True))


def _renewed(kept: Tensor, read: Tensor, starts: Tensor) -> Tensor:
    """What is kept of every slot [B, n, ...], with what was read in those that start; a row is as long as either's."""
    longest = max(kept.shape[1], read.shape[1])
    renewed = kept.new_zeros(len(kept), longest, *kept.shape[2:])
    renewed[:, : kept.shape[1]] = kept
    renewed[starts] = 0
    renewed[starts, : read.shape[1]] = read.to(kept.dtype)
    return renewed
