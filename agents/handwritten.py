"""Networks with weights written by hand."""

import torch
from gymnasium.spaces import Discrete
from torch import nn

from .config import AgentConfig
from .recurrent_agent import RecurrentAgent


@torch.no_grad()
def repeated_ones_by_hand() -> RecurrentAgent:
    """Says at every bit whether it and the one before are ones: a ReLU network of three states, right at any length.

    Its states are [current, previous, 1]: the current bit is taken from the input, the previous one from the state
    current of the step before, and the 1 is its bias. The answer is 1 where current + previous - 1 > 0, which the
    logits [1/2, current + previous - 1] say (Johnson, EECS 498-007 / 598-005, lecture 12, 2019).
    """
    spaces, config = {"input": Discrete(2)}, AgentConfig(memory="elman-relu", hidden=3, word_dim=0)
    network = RecurrentAgent(spaces, Discrete(2), config=config)
    for weights in network.parameters():
        weights.zero_()
    cell = network.core.cells[0]
    into, across, bias, _ = cell.rnn.all_weights[0]  # type: ignore[union-attr, index]
    current, previous, one = range(3)
    into[current, 1] = 1  # of a one-hot bit, the one for 1
    across[previous, current] = 1
    bias[one] = 1
    layer = network.policy.layer
    assert isinstance(layer, nn.Linear)
    layer.bias[0] = 0.5
    layer.weight[1] = torch.tensor([1.0, 1.0, -1.0])
    return network.eval()
