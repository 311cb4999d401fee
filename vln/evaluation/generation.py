"""Writing: an agent that foretells what is given next is given what it has said itself."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vln.agent import Agent
from vln.alphabet import Alphabet
from vln.evaluation.play import evaluation_mode
from vln.policies import Categorical, draw


def write_text(agent: Agent, alphabet: Alphabet, prompt: str | None, length: int, **how: Any) -> str:
    """A prompt, and what an agent writes after it: `length` characters. how: temperature, top and seed, as of `write`.

    Without a prompt it begins after the end of a line, or, where the alphabet has none, after its first character.
    Raises ValueError as `write` does, and for a character that is not in the alphabet.
    """
    first = alphabet.characters[0] if "\n" not in alphabet.numbers else "\n"
    symbols = alphabet.encode(first if prompt is None else prompt).tolist()
    return alphabet.decode([*symbols, *write(agent, symbols, length, **how)])


@torch.no_grad()
def write(
    agent: Agent,
    prompt: Sequence[int],
    length: int,
    temperature: float = 1.0,
    top: int | None = None,
    seed: int = 0,
) -> list[int]:
    """The symbols, `length` of them, that an agent says after those of a prompt, each of which is given to it next.

    temperature: how freely they are drawn: 1 as probable as the agent finds them, 0 always the likeliest. top: of how
    many, the likeliest, one is drawn; of all unless given.

    Raises ValueError for a prompt without symbols (there must be something to go on from), a temperature below 0, or
    none to choose among.
    """
    if not len(prompt):
        raise ValueError("a prompt has at least one symbol: there must be something to go on from")
    if temperature < 0:
        raise ValueError(f"a temperature is at least 0, not {temperature}")
    if top is not None and top < 1:
        raise ValueError(f"one must be drawn of at least 1, not of {top}")
    device = next(agent.parameters()).device
    rng = torch.Generator(device).manual_seed(seed)
    said: list[int] = []
    with evaluation_mode(agent):
        given = torch.tensor(prompt, device=device)[:, None]
        episode_starts = torch.zeros(given.shape, dtype=torch.bool, device=device)
        episode_starts[0] = True
        decision, memory = agent({"input": given}, agent.initial(1), episode_starts)
        policy = decision.policy
        for _ in range(length):
            assert isinstance(policy, Categorical)  # numbers are not given back
            symbol = _chosen(policy.logits.reshape(-1, policy.logits.shape[-1])[-1:], temperature, top, rng)
            said.append(int(symbol))
            decision, memory = agent.step({"input": symbol}, memory, torch.zeros_like(symbol, dtype=torch.bool))
            policy = decision.policy
    return said


def _chosen(logits: Tensor, temperature: float, top: int | None, rng: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top is not None and top < logits.shape[-1]:
        least = logits.topk(top, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return draw((logits / temperature).softmax(dim=-1), rng)
