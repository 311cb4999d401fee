"""Eyes: fog hides codes while training and only then; lanes are told apart; all sizes of pictures are seen."""

import pytest
import torch
from tiny import lived, tiny_world
from torch import Tensor

from vln.agents.eyes import GlimpseEye, SecondLook, SymbolEye, eye_for
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
