"""Reading: padding changes nothing, and both directions are those of PyTorch's packed LSTM."""

from typing import Any

import pytest
import torch
from gymnasium.spaces import Discrete
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from vln.agent import Decision
from vln.agents.attention import SequenceAttention
from vln.agents.config import AgentConfig
from vln.agents.encoders.sequences import EncodedSequence, InstructionEncoder, read_moment, read_window
from vln.agents.recurrent_agent import RecurrentAgent
from vln.language import UNKNOWN
from vln.spaces import Words

LENGTHS = [4, 1, 6, 3] * 10  # enough of them to be read in groups


def sentences(length: int = 9) -> torch.Tensor:
    tokens = torch.zeros(len(LENGTHS), length, dtype=torch.long)
    generator = torch.Generator().manual_seed(0)
    for row, words in enumerate(LENGTHS):
        tokens[row, :words] = torch.randint(1, 20, (words,), generator=generator)
    return tokens


def encoder(word_dim: int = 8, **options: Any) -> InstructionEncoder:
    return InstructionEncoder(Words(9, 20), 0, AgentConfig(word_dim=word_dim, **options))


@pytest.fixture(params=[False, True], ids=["forwards", "both ways"])
def reader(request: pytest.FixtureRequest) -> InstructionEncoder:
    torch.manual_seed(0)
    return encoder(bidirectional=request.param)


def test_a_word_in_its_place_is_itself_and_what_a_packed_torch_lstm_makes_of_it(reader: InstructionEncoder) -> None:
    tokens = sentences()
    own = nn.LSTM(8, 8 // len(reader.lstms), bidirectional=len(reader.lstms) == 2, batch_first=True)
    for lstm, suffix in zip(reader.lstms, ("", "_reverse"), strict=False):
        for name, weight in lstm.named_parameters():
            getattr(own, name + suffix).data.copy_(weight.data)
    embedded = reader.embed(tokens)
    packed = pack_padded_sequence(embedded, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(own(packed)[0], batch_first=True)
    words, _, real = reader(tokens)
    torch.testing.assert_close(words[real], (embedded[:, : max(LENGTHS)] + expected)[real])
    assert real.sum(dim=1).tolist() == LENGTHS


@pytest.mark.parametrize("length", [6, 7, 30])
def test_more_padding_changes_nothing(reader: InstructionEncoder, length: int) -> None:
    for one, other in zip(reader(sentences()), reader(sentences(length)), strict=True):
        torch.testing.assert_close(one, other)


def test_how_long_the_other_sentences_are_changes_nothing(reader: InstructionEncoder) -> None:
    together = reader(sentences())
    for row, words in enumerate(LENGTHS):
        alone = reader(sentences()[row : row + 1])
        torch.testing.assert_close(alone[0][0], together[0][row, :words])
        torch.testing.assert_close(alone[1][0], together[1][row])


def test_no_gradient_reaches_the_padding(reader: InstructionEncoder) -> None:
    words, whole, real = reader(sentences())
    (words[real].sum() + whole.sum()).backward()
    assert reader.embed.weight.grad is not None
    assert not reader.embed.weight.grad[0].any()
    assert reader.embed.weight.grad[sentences().flatten()[:4]].any(dim=-1).all()


def test_two_directions_share_an_even_size() -> None:
    with pytest.raises(ValueError, match="even size"):
        encoder(7, bidirectional=True)


def as_read(words: torch.Tensor, real: torch.Tensor, moments: int = 1) -> EncodedSequence:
    """So many moments of each instruction."""
    which = torch.arange(len(words)).expand(moments, -1)
    return EncodedSequence(words, real, words.sum(dim=1)[which], which)


def test_attention_is_shared_out_among_real_words_and_adds_up_to_one(reader: InstructionEncoder) -> None:
    words, _, real = reader(sentences())
    heard, weights = SequenceAttention(5, 8)(torch.randn(3, len(LENGTHS), 5), as_read(words, real, moments=3))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, len(LENGTHS)))
    assert not weights[:, ~real].any()
    assert (weights[:, real] > 0).all()
    torch.testing.assert_close(heard, (weights[..., None] * words).sum(dim=2))


def test_attention_asks_for_the_word_that_resembles_the_question() -> None:
    attention = SequenceAttention(3, 3)
    nn.init.eye_(attention.ask.weight)
    read = as_read(20 * torch.eye(3)[None], torch.ones(1, 3, dtype=torch.bool))
    _, weights = attention(torch.tensor([[[0.0, 1.0, 0.0]]]), read)
    assert weights[0, 0].argmax() == 1
    assert weights[0, 0, 1] > 0.99


def test_every_moment_attends_to_the_instruction_of_its_own_episode(reader: InstructionEncoder) -> None:
    tokens = sentences().view(4, 10, -1)
    episode_starts = torch.tensor([True, False, True, False])[:, None].expand(4, 10)
    tokens = tokens[[0, 0, 2, 2]]
    attention, query = SequenceAttention(5, 8), torch.randn(4, 10, 5)
    heard, weights = attention(query, read_window(reader, tokens, episode_starts))
    for time in range(4):
        words, _, real = reader(tokens[time])
        expected, shares = attention(query[time, None], as_read(words, real))
        torch.testing.assert_close(heard[time], expected[0])
        torch.testing.assert_close(weights[time, :, : shares.shape[-1]], shares[0])


def test_words_are_dropped_only_while_training_and_padding_never() -> None:
    torch.manual_seed(0)
    reader = encoder(word_dropout=1.0)
    nothing_heard, _, real = reader(sentences())
    all_unknown = encoder()
    all_unknown.load_state_dict(reader.state_dict())
    expected, _, _ = all_unknown(sentences().masked_fill(sentences() > 0, UNKNOWN))
    torch.testing.assert_close(nothing_heard, expected)
    assert real.sum(dim=1).tolist() == LENGTHS
    torch.testing.assert_close(reader.eval()(sentences())[0], all_unknown(sentences())[0])


def test_a_longer_instruction_that_begins_later_leaves_what_was_read_as_it_was(reader: InstructionEncoder) -> None:
    short, long = sentences()[:4].clamp(max=19), sentences()[4:8]
    short[:, 2:] = 0
    first, kept = read_moment(reader, "words", short, {}, torch.ones(4, dtype=torch.bool))
    episode_starts = torch.tensor([False, False, True, False])
    tokens = torch.where(episode_starts[:, None], long, short)
    later, kept = read_moment(reader, "words", tokens, kept, episode_starts)
    again, _ = read_moment(reader, "words", tokens, kept, torch.zeros(4, dtype=torch.bool))
    alone = reader(tokens)
    assert first.items.shape[1] == 2
    for read in (later, again):
        assert read.real.tolist() == alone[2].tolist()
        torch.testing.assert_close(read.items[read.real], alone[0][alone[2]])
        torch.testing.assert_close(read.whole[0], alone[1])


def test_after_longer_instructions_a_shorter_one_is_read_without_their_words(reader: InstructionEncoder) -> None:
    long = sentences()[:4]
    _, kept = read_moment(reader, "words", long, {}, torch.ones(4, dtype=torch.bool))
    short = long.clone()
    short[2, 1:] = 0
    read, _ = read_moment(reader, "words", short, kept, torch.tensor([False, False, True, False]))
    assert read.real[2].sum() == 1
    assert not read.items[2, 1:].any()


def test_words_that_change_are_read_anew_step_by_step_and_as_a_sequence() -> None:
    torch.manual_seed(0)
    spaces = {"instruction": Words(9, 20), "told": Words(9, 20, changes=True)}
    agent = RecurrentAgent(spaces, Discrete(3), config=AgentConfig(hidden=8, word_dim=8)).eval()
    seen = {name: sentences()[at].view(4, 5, -1) for name, at in (("instruction", slice(20)), ("told", slice(20, 40)))}
    seen["told"][1] = seen["told"][0]  # once it stays as it is
    episode_starts = torch.zeros(4, 5, dtype=torch.bool)
    episode_starts[0], episode_starts[2, 1] = True, True
    whole, _ = agent(seen, agent.initial(5), episode_starts)
    memory, decisions = agent.initial(5), []
    for time in range(4):
        decision, memory = agent.step(
            {name: tokens[time] for name, tokens in seen.items()}, memory, episode_starts[time]
        )
        decisions.append(decision)
    torch.testing.assert_close(Decision.stack(decisions).value, whole.value)
    other, _ = agent(
        {**seen, "told": seen["told"].index_fill(0, torch.tensor([3]), 1)}, agent.initial(5), episode_starts
    )
    assert torch.equal(other.value[:3], whole.value[:3])
    assert not torch.isclose(other.value[3], whole.value[3]).any()
