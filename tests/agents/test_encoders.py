"""Encoders and heads: what a space is decides, what may be several things is refused, and each can be replaced."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text
from helpers.pen_world import Pens
from helpers.tiny import lived, tiny_world
from torch import Tensor

from vln.agents.attention import SpatialAttention
from vln.agents.config import AgentConfig
from vln.agents.encoders.codes import CodesEncoder
from vln.agents.encoders.observations import encoder_for
from vln.agents.encoders.pictures import GlimpseEncoder, PictureEncoder
from vln.agents.heads import PointHead
from vln.agents.recurrent_agent import RecurrentAgent
from vln.agents.registry import agent_for, make_agent
from vln.evaluation.evaluate import evaluate
from vln.learning.config import TrainConfig
from vln.learning.learner import Learner
from vln.spaces import Candidates, Glimpse, Location, Picture, Possible, Words, typed


def eye(view: str, fog: float = 0.0) -> CodesEncoder:
    torch.manual_seed(0)
    made = encoder_for(tiny_world(view).spaces["view"], 0, AgentConfig(view_dim=16, view_dropout=fog))
    assert isinstance(made, CodesEncoder)
    return made


def views(view: str) -> Tensor:
    return lived(view).observation["view"]


@pytest.mark.parametrize("view", ["symbols", "four_way"])
def test_in_full_fog_nothing_is_seen_but_only_while_training(view: str) -> None:
    foggy, clear = eye(view, fog=1.0), eye(view)
    seen = views(view)
    torch.testing.assert_close(foggy(seen, None)[0], clear(torch.zeros_like(seen), None)[0])
    torch.testing.assert_close(foggy.eval()(seen, None)[0], clear(seen, None)[0])


@pytest.mark.parametrize("view", ["symbols", "four_way"])
def test_fog_hides_about_the_share_asked_for(view: str) -> None:
    shown: list[Tensor] = []
    foggy = eye(view, fog=0.25)
    foggy.embed.register_forward_hook(lambda module, inputs, output: shown.append(inputs[0] - foggy.offsets))
    seen = torch.ones_like(views(view))
    foggy(seen, None)
    assert shown[0].float().mean() == pytest.approx(0.75, abs=0.02)


def test_the_same_thing_in_another_lane_looks_different() -> None:
    seen, lanes = views("four_way")[:1, :1], eye("four_way").eval()
    for turn in range(1, 4):
        assert not torch.allclose(lanes(seen, None)[0], lanes(seen.roll(turn, dims=3), None)[0])


def test_spatial_attention_is_attention_over_places_with_keys_and_values_of_what_is_there_and_where() -> None:
    torch.manual_seed(0)
    look = SpatialAttention(query=6, channels=4, directions=9, size=5)
    assert look.key_place is not None
    assert look.value_place is not None
    torch.nn.init.normal_(look.key_place)
    query, features = torch.randn(7, 6), torch.randn(7, 4, 3, 3)
    places = features.flatten(2).transpose(1, 2)
    keys, values = look.key(places) + look.key_place, look.value(places) + look.value_place
    expected = torch.nn.functional.scaled_dot_product_attention(look.ask(query)[:, None], keys, values)[:, 0]
    torch.testing.assert_close(look(query, places), expected)
    some = torch.rand(7, 9) < 0.5
    expected = torch.nn.functional.scaled_dot_product_attention(
        look.ask(query)[:, None], keys, values, attn_mask=some[:, None]
    )[:, 0]
    torch.testing.assert_close(look(query, places, some), expected)


@pytest.mark.parametrize("side", [3, 8, 12, 28, 60, 100])
def test_convolutions_over_whole_glimpses_are_of_like_size_whatever_the_side(side: int) -> None:
    seeing = GlimpseEncoder(Glimpse(side, side), 0, AgentConfig(view_dim=256, view_encoder="conv"))
    assert seeing(torch.zeros(1, 2, side, side, 1), None).vector.shape == (1, 2, 256)
    assert 5e4 < sum(weights.numel() for weights in seeing.parameters()) < 1.5e6


def pictures(dtype: Any, low: float, high: float, shape: tuple[int, ...] = (16, 20, 1)) -> Box:
    return Box(low, high, shape, dtype)


@pytest.mark.parametrize(("dtype", "low", "high"), [(np.uint8, 0, 255), (np.float32, 0, 1), (np.float32, -1, 1)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_is_seen_alike_in_whatever_numbers_it_is_told(
    dtype: Any, low: float, high: float, channels: int
) -> None:
    shape = (16, 20, channels)
    grey = np.random.default_rng(0).integers(256, size=(1, 2, *shape)).astype(np.float32)
    made = []
    for space, view in (
        (Picture(*shape), grey.astype(np.uint8)),
        (pictures(dtype, low, high, shape), (low + grey / 255 * (high - low)).astype(dtype)),
    ):
        torch.manual_seed(0)
        eye = encoder_for(typed(space), 0, AgentConfig(view_dim=8))
        assert isinstance(eye, PictureEncoder)
        made.append(eye(torch.as_tensor(view), None).vector[0])
    torch.testing.assert_close(made[1], made[0], rtol=1e-3, atol=1e-4)
    assert not torch.allclose(made[0][0], made[0][1])  # two pictures are two


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        (pictures(np.float32, -np.inf, np.inf), "a picture of floats has finite bounds"),
        (pictures(np.float32, 0, np.inf), "a picture of floats has finite bounds"),
        (pictures(np.uint16, 0, 65535), "neither a picture .uint8 up to 255. nor codes"),
        (pictures(np.int64, 0, 255), "neither a picture"),
        (pictures(np.int8, -4, 4), "neither a picture"),
        (pictures(np.uint8, 0, 255, (16, 16)), "expected rows, columns, channels"),
        (pictures(np.uint8, 0, 255, (3, 64, 64)), "seems to have its channels first"),
        (pictures(np.uint8, 0, 255, (128,)), r"may be words or measures: declare vln\.spaces\.Words"),
        (pictures(np.float32, 0, 1, (9, 4)), r"declare vln\.spaces\.Candidates.* or vln\.spaces\.Path"),
        (Dict({"a": Discrete(2)}), "say its parts as observations of their own"),
        (Text(3), "no agent here reads the space Text"),
    ],
)
def test_what_may_be_either_or_neither_is_refused(space: Space[Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make_agent({"view": space}, Discrete(3), 0, {})


SPACES: dict[str, Space[Any]] = {
    "a grey picture": pictures(np.uint8, 0, 255, (32, 32, 1)),
    "a float picture": pictures(np.float32, 0, 1, (16, 16, 3)),
    "a small picture": pictures(np.uint8, 0, 255, (8, 8, 3)),
    "codes": pictures(np.int64, 0, 8, (5, 5, 2)),
    "numbers": Box(-np.inf, np.inf, (4,), np.float32),
    "a number": Box(0, 1, (), np.float64),
    "many numbers": Box(-1, 1, (300,), np.float32),
    "a symbol": Discrete(5),
    "a symbol from elsewhere": Discrete(5, start=3),
    "bits": MultiBinary(6),
    "bits in rows": MultiBinary([2, 3]),
    "symbols": MultiDiscrete([3, 4], start=[1, 0]),
}
ACTIONS: dict[str, Any] = {
    "choices": Discrete(3),
    "points": Box(-1, 1, (2,), np.float32),
    "points elsewhere": Box(np.array([0, -5], np.float32), np.array([10, 5], np.float32)),
    "numbers": Box(-np.inf, np.inf, (2,), np.float32),
    "parts": Dict({"pen": Discrete(2), "stroke": Box(-1, 1, (4,), np.float32)}),
}


def sampled(space: Space[Any], time: int = 3, slots: int = 2) -> Tensor:
    space.seed(0)
    return torch.as_tensor(np.array([[space.sample() for _ in range(slots)] for _ in range(time)]))


@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("name", ["where", "items", "a.b"])
def test_what_a_space_is_decides_and_not_its_name(kind: str, actions: str, name: str) -> None:
    torch.manual_seed(0)
    space = SPACES[kind]
    agent = make_agent({name: space}, ACTIONS[actions], 0, {"hidden": 8, "word_dim": 8, "view_dim": 8})
    seen, episode_starts = sampled(space), torch.zeros(3, 2, dtype=torch.bool)
    decision, _ = agent({name: seen}, agent.initial(2), episode_starts)
    drawn = decision.policy.sample(torch.Generator().manual_seed(0))
    assert [part.shape for part in (drawn.values() if isinstance(drawn, dict) else [drawn])] == [
        (3, 2, *part.shape) for part in (ACTIONS[actions].values() if isinstance(drawn, dict) else [ACTIONS[actions]])
    ]
    other, _ = agent({name: seen.flip(0)}, agent.initial(2), episode_starts)
    assert not torch.equal(decision.value, other.value)
    agent.to(torch.bfloat16)
    memory = {part: values.to(torch.bfloat16) for part, values in agent.initial(2).items()}
    halved, _ = agent({name: seen}, memory, episode_starts)
    assert (halved.value - decision.value).abs().max() < 0.1


@pytest.mark.parametrize("kept", [(), ("view",), ("where",), ("instruction",), ("view", "where")])
def test_every_agent_of_a_world_with_graded_answers_has_an_answer(kept: tuple[str, ...]) -> None:
    whole: dict[str, Space[Any]] = {"view": Glimpse(4, 4), "where": Location(), "instruction": Words(4, 9)}
    spaces = {name: whole[name] for name in kept}
    options = {"hidden": 8, "view_dim": 8, "word_dim": 8}
    agent = make_agent(spaces, Box(-1, 1, (2,), np.float32), 5, options, scores_answers=True)
    episode_starts = torch.zeros(3, 2, dtype=torch.bool)
    decision, _ = agent({name: sampled(space) for name, space in spaces.items()}, agent.initial(2), episode_starts)
    assert decision.answer is not None
    assert decision.answer.shape == (3, 2, 5)


def test_who_only_hears_decides_in_half_precision() -> None:
    agent = make_agent({"instruction": Words(4, 10)}, Discrete(3), 0, {"hidden": 8, "word_dim": 8, "view_dim": 8})
    agent.to(torch.bfloat16)
    words, episode_starts = torch.randint(1, 9, (3, 2, 4)), torch.zeros(3, 2, dtype=torch.bool)
    memory = {name: values.to(torch.bfloat16) for name, values in agent.initial(2).items()}
    decision, _ = agent({"instruction": words}, memory, episode_starts)
    assert decision.value.shape == (3, 2)


@pytest.mark.parametrize(
    ("actions", "complaint"),
    [
        (Box(-1, 1, (2, 2), np.float32), "a point of several coordinates"),
        (Box(0, np.inf, (2,), np.float32), "bounds on both sides or none"),
        (Discrete(3, start=1), "no agent here decides in"),
        (MultiBinary(3), "no agent here decides in"),
    ],
)
def test_an_action_space_that_nothing_decides_in_is_refused(actions: Space[Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make_agent({}, actions, 0, {})


def test_the_middle_of_a_point_stays_within_the_bounds_of_its_space() -> None:
    low, high = np.array([0, -5], np.float32), np.array([10, -3], np.float32)
    head = PointHead(Box(low, high), AgentConfig(hidden=4, action_std=0.25))
    torch.nn.init.normal_(head.layer.weight, std=100)
    policy: Any = head(torch.randn(50, 1, 4), None, None)
    assert (policy.loc >= torch.as_tensor(low)).all()
    assert (policy.loc <= torch.as_tensor(high)).all()
    torch.testing.assert_close(policy.scale[0, 0], torch.tensor([1.25, 0.25]))


def test_black_is_nothing_to_one_who_has_learned_nothing() -> None:
    eye = PictureEncoder(Picture(64, 64), 0, AgentConfig(view_dim=8))
    black = eye(torch.zeros(1, 1, 64, 64, 3, dtype=torch.uint8), None)
    assert black.places is not None
    assert not black.places.any()
    assert not black.vector.any()
    first = eye.see[0](torch.full((1, 3, 64, 64), 3.0))[0, :, 1:-1, 1:-1].abs().amax(dim=(1, 2))
    assert (first[::2] < 1e-4).all()  # half of its filters see differences alone
    assert (first[1::2] > 1e-2).all()


OWN = """
from torch import nn

class Brightness(nn.Module):
    size = 1

    def __init__(self, space, context, shape):
        super().__init__()

    def forward(self, observed, context):
        return observed.float().flatten(2).mean(dim=-1, keepdim=True)
"""


def test_an_encoder_of_ones_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    own = {"view": f"{tmp_path}/mine.py:Brightness"}
    spaces = {"view": Box(0, 1, (5, 5)), "input": Discrete(3)}  # the first is none of ours
    agent = make_agent(spaces, Discrete(3), 0, {"hidden": 8, "encoders": own})
    view, given, episode_starts = torch.rand(3, 2, 5, 5), torch.zeros(3, 2, dtype=torch.long), torch.zeros(3, 2).bool()
    decision, same, other = (
        agent({"view": seen, "input": given}, agent.initial(2), episode_starts)[0]
        for seen in (view, view.flip(-1), view + 1)
    )
    torch.testing.assert_close(decision.value, same.value)
    assert not torch.allclose(decision.value, other.value)
    with pytest.raises(ValueError, match=r"no observation is called \['veiw'\]; there are input, view"):
        make_agent(spaces, Discrete(3), 0, {"encoders": {"veiw": own["view"]}})
    with pytest.raises(ValueError, match="does not say the `size` of its vector"):
        RecurrentAgent(spaces, Discrete(3), encoders={"view": lambda space, context, shape: torch.nn.ReLU()})


def test_a_location_is_of_one_view_and_a_mask_of_the_actions() -> None:
    two = {"a": Glimpse(4, 4), "b": Glimpse(4, 4), "where": Location()}
    with pytest.raises(ValueError, match=r"a Location is of the one view beside it.*\['a', 'b'\]"):
        make_agent(two, Discrete(2), 0, {})
    with pytest.raises(ValueError, match="possible actions has 4, but"):
        make_agent({"can": Possible(4)}, Discrete(3), 0, {})
    with pytest.raises(ValueError, match="one of 4 candidates, or to stop"):
        make_agent({"ways": Candidates(4, 2, actions=True)}, Discrete(4), 0, {})


def test_actions_that_are_not_possible_are_never_taken() -> None:
    agent = make_agent({"can": Possible(4)}, Discrete(4), 0, {"hidden": 8})
    can = torch.tensor([1, 0, 1, 0], dtype=torch.int8).expand(3, 2, 4)
    decision, _ = agent({"can": can}, agent.initial(2), torch.zeros(3, 2, dtype=torch.bool))
    policy: Any = decision.policy
    assert ((policy.probs > 0) == (can > 0)).all()


def test_an_agent_learns_to_draw_with_a_stroke_and_a_pen() -> None:
    torch.manual_seed(0)
    world = Pens()
    config = TrainConfig(
        updates=60,
        num_envs=16,
        unroll_length=6,
        learning_rate=0.02,
        warmup_updates=5,
        teacher_share_end=1.0,
        progress_weight=0,
        bfloat16=False,
    )
    learner = Learner.begin(world, agent_for(world, AgentConfig(hidden=16, action_std=0.1)), config)
    for _ in range(config.updates):
        learner.learn()
    outcomes = evaluate(world, learner.agent.eval())
    assert sum(outcome.success for outcome in outcomes) > 0.8 * len(outcomes)
