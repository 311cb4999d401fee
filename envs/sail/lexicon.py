"""What the mazes' writers call things, for a grammar to say. What people say more often stands more than once."""

# By the names that records give to floors, pictures and objects.
FLOORS = {
    "blue": ("blue", "blue", "blue tiled", "blue carpet"),
    "brick": ("brick", "red brick", "red", "red brick"),
    "concrete": ("concrete", "cement", "bare", "plain cement", "grey"),
    "flower": ("flowered", "pink", "pink flowered", "rose", "flowered carpet"),
    "grass": ("grass", "grassy", "green"),
    "gravel": ("stone", "black", "gravel", "gray"),
    "wood": ("wood", "wooden", "wood", "brown"),
    "yellow": ("yellow", "yellow", "yellow tiled", "octagon"),
}
PICTURES = {
    "butterfly": ("butterfly", "butterflies"),
    "fish": ("fish",),
    "tower": ("eiffel tower", "tower"),
}
ITEMS = {
    "barstool": ("stool", "bar stool", "barstool"),
    "chair": ("chair",),
    "easel": ("easel",),
    "hatrack": ("hatrack", "coat rack", "hat rack"),
    "lamp": ("lamp",),
    "sofa": ("sofa", "bench"),
}
HALLS = ("hall", "path", "alley", "hallway", "hall", "corridor", "floor", "floored hall")
GO = ("walk", "go", "move", "walk forward", "go forward", "move forward", "go straight", "continue", "head")
DOWN = ("down", "along", "on")
UNTIL = ("to", "until you reach", "until you get to", "till you hit", "until you come to", "to", "towards")
STEP = ("segment", "block", "step", "alley", "space")
STEPS = ("segments", "blocks", "steps", "alleys", "spaces", "intersections", "times", "times")
NUMBERS = (
    ("one", "1", "once"),
    ("two", "2", "twice"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
)
ORDER = ("first", "second", "third")
PLACES = 7  # that have a number
