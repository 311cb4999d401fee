"""Generation: an agent that predicts its next input is given its own predictions."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vln.agent import Agent
from vln.alphabet import Alphabet
from vln.evaluation.play import evaluation_mode
from vln.policies import Categorical, draw


def generate_text(agent: Agent, alphabet: Alphabet, prompt: str | None, length: int, **options: Any) -> str:
    """A prompt and its continuation by the agent, `length` characters.

    options: temperature, top_k and seed, as of `generate`. Without a prompt the text begins after the end of a line,
    or after the first character of an alphabet without line ends.
    Raises ValueError as `generate` does, and for a character that is not in the alphabet.
    """
    first = alphabet.characters[0] if "\n" not in alphabet.numbers else "\n"
    symbols = alphabet.encode(first if prompt is None else prompt).tolist()
    return alphabet.decode([*symbols, *generate(agent, symbols, length, **options)])


@torch.no_grad()
def generate(
    agent: Agent,
    prompt: Sequence[int],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> list[int]:
    """An agent's continuation of a prompt: `length` symbols, each of which is the next input.

    temperature: 1 samples from the policy, 0 is greedy. top_k: number of most likely symbols to sample from; all unless
    given.

    Raises ValueError for a prompt without symbols, a temperature below 0, or a top_k below 1.
    """
    if not len(prompt):
        raise ValueError("a prompt has at least one symbol to go on from")
    if temperature < 0:
        raise ValueError(f"a temperature is at least 0, not {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is at least 1, not {top_k}")
    device = next(agent.parameters()).device
    rng = torch.Generator(device).manual_seed(seed)
    symbols: list[int] = []
    with evaluation_mode(agent):
        inputs = torch.tensor(prompt, device=device)[:, None]
        episode_starts = torch.zeros(inputs.shape, dtype=torch.bool, device=device)
        episode_starts[0] = True
        decision, memory = agent({"input": inputs}, agent.initial(1), episode_starts)
        policy = decision.policy
        for _ in range(length):
            assert isinstance(policy, Categorical)  # numbers are no symbols
            symbol = _sample(policy.logits.reshape(-1, policy.logits.shape[-1])[-1:], temperature, top_k, rng)
            symbols.append(int(symbol))
            decision, memory = agent.step({"input": symbol}, memory, torch.zeros_like(symbol, dtype=torch.bool))
            policy = decision.policy
    return symbols


def _sample(logits: Tensor, temperature: float, top_k: int | None, rng: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k is not None and top_k < logits.shape[-1]:
        lowest = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < lowest, -torch.inf)
    return draw((logits / temperature).softmax(dim=-1), rng)
