"""Real buildings: navigation graphs, and what people wrote about paths through them."""
