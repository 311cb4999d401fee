"""Eyes: fog hides codes while training and only then; lanes are told apart; all sizes of pictures are seen."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from tiny import lived, tiny_world
from torch import Tensor

from vln.agents.catalogue import make_agent
from vln.agents.eyes import GlimpseEye, PixelEye, SecondLook, SymbolEye, eye_for
from vln.agents.glimpser import Glimpser
from vln.agents.navigator import Navigator
from vln.agents.shape import Shape


def eye(view: str, fog: float = 0.0) -> SymbolEye:
    torch.manual_seed(0)
    made = eye_for(tiny_world(view).spaces["view"], words=0, size=16, fog=fog)  # type: ignore[arg-type]  # a Box
    assert isinstance(made, SymbolEye)
    return made


def views(view: str) -> Tensor:
    return lived(view).observation["view"].flatten(0, 1)


@pytest.mark.parametrize("view", ["symbols", "lanes"])
def test_in_full_fog_nothing_is_seen_but_only_while_training(view: str) -> None:
    foggy, clear = eye(view, fog=1.0), eye(view)
    seen = views(view)
    torch.testing.assert_close(foggy(seen, None)[0], clear(torch.zeros_like(seen), None)[0])
    torch.testing.assert_close(foggy.eval()(seen, None)[0], clear(seen, None)[0])


@pytest.mark.parametrize("view", ["symbols", "lanes"])
def test_fog_hides_about_the_share_asked_for(view: str) -> None:
    shown: list[Tensor] = []
    foggy = eye(view, fog=0.25)
    foggy.embed.register_forward_hook(lambda module, inputs, output: shown.append(inputs[0] - foggy.offsets))
    seen = torch.ones_like(views(view))
    foggy(seen, None)
    assert shown[0].float().mean() == pytest.approx(0.75, abs=0.02)


def test_the_same_thing_in_another_lane_looks_different() -> None:
    seen, lanes = views("lanes")[:1], eye("lanes").eval()
    for turn in range(1, 4):
        assert not torch.allclose(lanes(seen, None)[0], lanes(seen.roll(turn, dims=2), None)[0])


def test_a_second_look_is_attention_over_places_with_keys_and_values_of_what_is_there_and_where() -> None:
    torch.manual_seed(0)
    look = SecondLook(query=6, channels=4, places=9, size=5)
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
def test_convolutions_over_whole_pictures_are_of_like_size_whatever_the_side(side: int) -> None:
    seeing = GlimpseEye((side, side, 1), where=True, words=0, shape=Shape(sight=256, eye="conv"))
    assert seeing(torch.zeros(1, 2, side, side, 1), torch.zeros(1, 2, 2), None).shape == (1, 2, 256)
    assert 1e5 < sum(weights.numel() for weights in seeing.parameters()) < 1.5e6


def pictures(dtype: Any, low: float, high: float, shape: tuple[int, ...] = (16, 20, 1)) -> Box:
    return Box(low, high, shape, dtype)


@pytest.mark.parametrize(("dtype", "low", "high"), [(np.uint8, 0, 255), (np.float32, 0, 1), (np.float32, -1, 1)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_is_seen_alike_in_whatever_numbers_it_is_told(
    dtype: Any, low: float, high: float, channels: int
) -> None:
    shape = (16, 20, channels)
    grey = np.random.default_rng(0).integers(256, size=(2, *shape)).astype(np.float32)
    made = []
    for space, view in (
        (pictures(np.uint8, 0, 255, shape), grey.astype(np.uint8)),
        (pictures(dtype, low, high, shape), (low + grey / 255 * (high - low)).astype(dtype)),
    ):
        torch.manual_seed(0)
        eye = eye_for(space, words=0, size=8)
        assert isinstance(eye, PixelEye)
        made.append(eye(torch.as_tensor(view), None)[0])
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
        (pictures(np.uint8, 0, 255, (16, 8, 3)), "16x8 pixels are too small"),
    ],
)
def test_what_may_be_either_or_neither_is_refused(space: Box, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        eye_for(space, words=0, size=8)


def test_who_only_hears_decides_in_half_precision() -> None:
    spaces = {"instruction": Box(0, 9, (4,), np.int32)}
    agent = make_agent(spaces, Discrete(3), 0, {"hidden": 8, "word_dim": 8, "sight": 8})
    assert isinstance(agent, Navigator)
    agent.to(torch.bfloat16)
    words, starts = torch.randint(1, 9, (3, 2, 4)), torch.zeros(3, 2, dtype=torch.bool)
    memory = {name: values.to(torch.bfloat16) for name, values in agent.initial(2).items()}
    decision, _ = agent({"instruction": words}, memory, starts)
    assert decision.policy.logits.shape == (3, 2, 3)


@pytest.mark.parametrize("coordinates", [1, 2, 3, 6])
def test_a_glimpser_has_as_many_coordinates_as_its_moves(coordinates: int) -> None:
    spaces = {"view": Box(0, 1, (4, 4, 1), np.float32), "where": Box(-1, 1, (2,), np.float32)}
    shape = {"hidden": 8, "sight": 8}
    agent = make_agent(spaces, Box(-1, 1, (coordinates,), np.float32), 2, shape)
    assert isinstance(agent, Glimpser)
    assert agent.policy.out_features == coordinates
    for moves in (Box(0, 1, (2,), np.float32), Box(-1, 1, (2, 2), np.float32)):
        with pytest.raises(ValueError, match="points from -1 to 1"):
            make_agent(spaces, moves, 2, shape)
