"""Training curves for the pages of docs/: a CSV file of docs/results as an SVG beside it."""

import csv
import io
from pathlib import Path

TITLES = {
    "success": "training episodes",
    "val_success": "validation episodes, greedy",
    "val_nll": "validation, nats per character",
    "loss": "loss",
}
SHARES = ("success", "val_success")  # shown as percentages
SIZE = 6.0, 2.4  # inches


def curve_svg(table: Path, *columns: str) -> bytes:
    """These columns of a training's CSV file over its updates. Raises ValueError for a column that is not there."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if missing := [column for column in columns if column not in rows[0]]:
        raise ValueError(f"{table.name} has no column {missing[0]!r}; there are {', '.join(rows[0])}")
    # Ids of an SVG are random without a salt, and text is drawn by the reader's fonts.
    with mpl.rc_context({"svg.hashsalt": table.stem, "svg.fonttype": "none", "axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        for number, column in enumerate(columns):
            points = [(int(row["update"]), float(row[column])) for row in rows if row[column]]
            updates, values = zip(*points, strict=True)
            scale = 100 if column in SHARES else 1
            style = "o-" if len(points) < 12 else "-"
            axes.plot(
                updates,
                [scale * value for value in values],
                style,
                label=TITLES[column],
                color=f"C{number}",
                markersize=3,
            )
        axes.set_xlabel("updates")
        axes.set_ylabel("success, %" if columns[0] in SHARES else TITLES[columns[0]])
        axes.legend(fontsize="small")
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
