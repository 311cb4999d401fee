"""Analysis of recurrent agents: gradients through time, readable units, probes, gates, saliency."""
