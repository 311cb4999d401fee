"""All observations of a step except sequences, as one vector, and the places to attend to."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from gymnasium import Space
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from torch import Tensor, nn

from vln.agent import Observation
from vln.agents.config import AgentConfig
from vln.agents.parts import Parts
from vln.spaces import Candidates, Codes, Glimpse, LastAction, Location, Picture, Pose, Possible

from .candidates import CandidatesEncoder
from .codes import CodesEncoder
from .encoder import Encoded, MakeEncoder
from .pictures import LEAST_SIDE, GlimpseEncoder, LocationEncoder, PictureEncoder
from .vectors import LastActionEncoder, NumbersEncoder, PoseEncoder, SymbolEncoder, SymbolsEncoder

Own = Mapping[str, MakeEncoder]

# The encoder for a kind of space: the first that it is an instance of.
ENCODERS: dict[type[Space[Any]], MakeEncoder] = {
    Glimpse: GlimpseEncoder,
    Picture: PictureEncoder,
    Codes: CodesEncoder,
    Pose: PoseEncoder,
    LastAction: LastActionEncoder,
    Discrete: SymbolEncoder,
    MultiBinary: SymbolsEncoder,
    MultiDiscrete: SymbolsEncoder,
    Box: NumbersEncoder,
}


def encoder_for(space: Space[Any], context: int, config: AgentConfig) -> nn.Module:
    """The encoder for a typed space (see vln.spaces.typed): a picture of few pixels is seen as a glimpse is."""
    if isinstance(space, Picture) and min(space.shape[:2]) < LEAST_SIDE:
        return GlimpseEncoder(space, context, config)
    make = next(make for kind, make in ENCODERS.items() if isinstance(space, kind))
    return make(space, context, config)


class Observed(NamedTuple):
    """What was observed: `vector` [T, B, size], or None where that is nothing; and by name each part as encoded."""

    vector: Tensor | None
    parts: dict[str, Encoded]


class ObservationEncoder(nn.Module):
    """An encoder for each observation. Candidates are encoded together; a Location multiplies the view that it is of.

    spaces: typed, of single observations by name. context: the size of what is known of the whole episode, or 0. own:
    makers of encoders in place of ours, by the name of the observation.
    """

    def __init__(self, spaces: Mapping[str, Space[Any]], context: int, config: AgentConfig, own: Own) -> None:
        super().__init__()
        ours = {name: space for name, space in spaces.items() if name not in own}
        candidates = {name: space for name, space in ours.items() if isinstance(space, Candidates)}
        locations = {name: space for name, space in ours.items() if isinstance(space, Location)}
        self.candidates, self.together = list(candidates), " and ".join(candidates)
        made = {
            name: own.get(name, encoder_for)(space, context, config)
            for name, space in spaces.items()
            if not (name in candidates or name in locations or isinstance(space, Possible))
        }
        if candidates:
            made[self.together] = CandidatesEncoder(list(candidates.values()), context, config)
        for name, encoder in made.items():
            if not isinstance(getattr(encoder, "size", None), int):
                raise ValueError(f"the encoder of {name} does not say the `size` of its vector: {encoder}")
        self.by_name = Parts(made)
        self.views = [name for name, encoder in made.items() if getattr(encoder, "sees", False)]
        self.seen_size = sum(self.by_name[name].size for name in self.views)
        self.location, self.place = self._place(locations, config)
        self.size = sum(encoder.size for _, encoder in self.by_name.items())
        self.size += self.place.size if self.place and not self.views else 0

    def _place(self, locations: Mapping[str, Location], config: AgentConfig) -> tuple[str, LocationEncoder | None]:
        """The name of the location of the one view, and what encodes it."""
        if not locations:
            return "", None
        if len(locations) > 1 or len(self.views) > 1:
            raise ValueError(
                f"a Location is of the one view beside it; here are {[*locations]} and {self.views}: declare other "
                "coordinates as a Box of floats"
            )
        ((name, space),) = locations.items()
        return name, LocationEncoder(space, self.seen_size if self.views else config.view_dim)

    def forward(self, observation: Observation, context: Tensor | None) -> Observed:
        """What is observed at every moment [T, B] in the light of a context [T, B, context], if there is one."""
        parts: dict[str, Encoded] = {}
        for name, encoder in self.by_name.items():
            given = [observation[one] for one in self.candidates] if name == self.together else observation[name]
            encoded = encoder(given, context)
            parts[name] = encoded if isinstance(encoded, Encoded) else Encoded(encoded)
        if self.place:
            where = observation[self.location]
            if self.views:
                view = parts[self.views[0]]
                parts[self.views[0]] = view._replace(vector=self.place(where, view.vector))
            else:
                parts[self.location] = Encoded(self.place(where, None))
        vectors = [encoded.vector for encoded in parts.values()]
        return Observed(torch.cat(vectors, dim=-1) if vectors else None, parts)

    def seen(self, observed: Observed) -> Tensor:
        """The views alone, [T, B, seen_size], of what was observed."""
        return torch.cat([observed.parts[name].vector for name in self.views], dim=-1)
