"""What tests share: tiny worlds and agents, small trainings, second opinions, and where things are."""
