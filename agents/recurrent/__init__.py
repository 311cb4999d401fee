"""The recurrent core: cells, gated and linear, stacked; and a checker for cells of one's own."""
