"""Reading: an instruction's words as vectors, its whole as one, and attention over its words."""

import math

import torch
from torch import Tensor, nn

from vln.language import PADDING


class Reader(nn.Module):
    """An LSTM over the words of an instruction, forwards or in both directions.

    Padding is never read: the backward direction begins at the last word. `size` is that of one word's vector, both
    directions together.
    """

    def __init__(self, vocabulary: int, size: int = 64, embedding: int = 32, bidirectional: bool = False) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        if size % directions:
            raise ValueError(f"two directions share a vector of {size} numbers: take an even size")
        self.size = size
        self.embed = nn.Embedding(vocabulary, embedding, padding_idx=PADDING)
        self.lstms = nn.ModuleList(nn.LSTM(embedding, size // directions) for _ in range(directions))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Words [N, L, size], the whole [N, size] and which words are real [N, L], for token ids [N, L]."""
        # An instruction without words is read as one word of padding: attention must have something to attend to.
        lengths = (tokens != PADDING).sum(dim=1).clamp(min=1)
        longest = int(lengths.max())
        tokens = tokens[:, :longest]
        real = torch.arange(longest, device=tokens.device) < lengths[:, None]
        last = lengths - 1
        rows = torch.arange(len(tokens), device=tokens.device)
        embedded = self.embed(tokens).transpose(0, 1)
        forwards, _ = self.lstms[0](embedded)
        forwards = forwards.transpose(0, 1)
        if len(self.lstms) == 1:
            return forwards, forwards[rows, last], real
        # Each row is turned round within its own length, read, and turned back.
        places = (last[:, None] - torch.arange(longest, device=tokens.device)).clamp(min=0)
        turned = embedded.transpose(0, 1).gather(1, places[..., None].expand(-1, -1, embedded.shape[-1]))
        backwards, _ = self.lstms[1](turned.transpose(0, 1))
        backwards = backwards.transpose(0, 1)
        whole = torch.cat([forwards[rows, last], backwards[rows, last]], dim=-1)
        backwards = backwards.gather(1, places[..., None].expand(-1, -1, backwards.shape[-1]))
        return torch.cat([forwards, backwards], dim=-1), whole, real


class Attention(nn.Module):
    """Soft dot-product attention over words (Luong et al. 2015, arXiv:1508.04025)."""

    def __init__(self, query: int, size: int) -> None:
        super().__init__()
        self.ask = nn.Linear(query, size, bias=False)

    def forward(self, query: Tensor, words: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """What was attended to [..., size] and the weights [..., L]; words [..., L, size], real bool [..., L]."""
        scores = torch.einsum("...ls,...s->...l", words, self.ask(query)) / math.sqrt(words.shape[-1])
        weights = scores.float().masked_fill(~real, -math.inf).softmax(dim=-1).to(words.dtype)
        return torch.einsum("...l,...ls->...s", weights, words), weights
